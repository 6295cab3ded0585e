-- Run by test_neovim.py inside a Neovim whose init.lua is the README's snippet: does with `vim.lsp` what a
-- person does with the keyboard, and writes what it saw to $SEEN as JSON.
local seen = { asked = {} }

local function finish()
  vim.fn.writefile({ vim.json.encode(seen) }, vim.env.SEEN)
  vim.cmd('qall!')
end

-- A busy machine may take minutes; nothing is waited for without need.
local PATIENCE_MS = 600 * 1000

local function wait(name, condition)
  local from = vim.uv.hrtime()
  seen[name .. '_after_s'] = vim.wait(PATIENCE_MS, condition, 50) and (vim.uv.hrtime() - from) / 1e9 or nil
  return seen[name .. '_after_s'] ~= nil
end

local function text()
  return table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), '\n') .. '\n'
end

local function errors()
  return vim.diagnostic.get(0, { severity = vim.diagnostic.severity.ERROR })
end

local function floating_text()
  for _, window in ipairs(vim.api.nvim_list_wins()) do
    if vim.api.nvim_win_get_config(window).relative ~= '' then
      return table.concat(vim.api.nvim_buf_get_lines(vim.api.nvim_win_get_buf(window), 0, -1, false), '\n')
    end
  end
end

local function main()
  if not wait('attached', function() return #vim.lsp.get_clients({ bufnr = 0 }) > 0 end) then return end
  local client = vim.lsp.get_clients({ bufnr = 0 })[1]
  seen.client, seen.root = client.name, client.root_dir

  if not wait('diagnosed', function() return #errors() > 0 end) then return end
  seen.errors = vim.tbl_map(function(d) return { code = d.code, line = d.lnum + 1 } end, errors())

  vim.fn.search([[Position::\zsMajor]])
  wait('hovered', function()
    vim.lsp.buf.hover({ silent = true })
    vim.wait(500, floating_text, 20)
    seen.hover = floating_text()
    return seen.hover
  end)
  vim.cmd('fclose')

  vim.diagnostic.jump({ count = 1, float = false })
  seen.line = vim.fn.getline('.')
  -- The menu of code actions; a fix is there as soon as it is proven, so ask again until then.
  vim.ui.select = function(items, options, choose)
    seen.titles = vim.tbl_map(options.format_item, items)
    for _, item in ipairs(items) do
      if item.action.title:find('%[V[23]') then
        seen.chosen = item.action.title
        return choose(item)
      end
    end
    choose(nil)
  end
  local before = vim.b.changedtick
  wait('fixed', function()
    vim.lsp.buf.code_action()
    return vim.wait(500, function() return vim.b.changedtick ~= before end, 20)
  end)
  seen.after_fix = text()
  vim.cmd('normal! u')
  seen.after_undo = text()
  vim.cmd('redo')
  vim.cmd('write')
  wait('clean', function() return #errors() == 0 end)

  client:stop()
  wait('stopped', function() return #vim.lsp.get_clients({ name = 'rusta' }) == 0 end)
  vim.cmd('edit')
  wait('restarted', function()
    local again = vim.lsp.get_clients({ bufnr = 0, name = 'rusta' })[1]
    return again and again.id ~= client.id and again.initialized
  end)
  vim.fn.search([[Position::\zsMajor]])
  wait('hovered_again', function()
    vim.lsp.buf.hover({ silent = true })
    vim.wait(500, floating_text, 20)
    return floating_text()
  end)
end

local ok, problem = xpcall(main, debug.traceback)
if not ok then seen.problem = problem end
finish()
