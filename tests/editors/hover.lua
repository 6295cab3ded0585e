-- Run by test_neovim.py inside a Neovim whose init.lua is the README's snippet: hovers where $PLACES says,
-- patterns one per line, and writes to $SEEN as JSON what the floating windows show.
local seen = { hovers = {} }

local function floating_text()
  for _, window in ipairs(vim.api.nvim_list_wins()) do
    if vim.api.nvim_win_get_config(window).relative ~= '' then
      return table.concat(vim.api.nvim_buf_get_lines(vim.api.nvim_win_get_buf(window), 0, -1, false), '\n')
    end
  end
end

local function main()
  vim.wait(600000, function() return #vim.diagnostic.get(0) > 0 end, 50)
  for place in vim.gsplit(vim.env.PLACES, '\n') do
    vim.fn.cursor(1, 1)
    assert(vim.fn.search(place) > 0, place)
    local text
    -- The first hovers may come before the index is open.
    vim.wait(300000, function()
      vim.lsp.buf.hover({ silent = true })
      vim.wait(2000, floating_text, 20)
      text = floating_text()
      vim.cmd('fclose!')
      return text and text:find('”') ~= nil
    end, 200)
    table.insert(seen.hovers, text or '')
  end
end

local ok, problem = xpcall(main, debug.traceback)
if not ok then seen.problem = problem end
vim.fn.writefile({ vim.json.encode(seen) }, vim.env.SEEN)
vim.cmd('qall!')
