-- Run by test_neovim.py: plain `vim.lsp` in front of `rusta serve`; what was seen goes to $RESULT as JSON.
local seen = { titles = {} }
local lines, column = vim.fn.getline(1, '$'), nil
for number, line in ipairs(lines) do
  local at = line:find('Vec::new', 1, true)
  if at then seen.line, column = number - 1, at - 1 end
end

local ready = false
local client = vim.lsp.start_client({
  name = 'rusta',
  cmd = vim.fn.json_decode(vim.env.SERVER),
  root_dir = vim.env.ROOT,
  init_options = { rusta = { cacheDir = vim.env.CACHE, runTests = false } },
  capabilities = vim.tbl_deep_extend('force', vim.lsp.protocol.make_client_capabilities(), {
    experimental = { serverStatusNotification = true },
  }),
  handlers = {
    ['experimental/serverStatus'] = function(_, status)
      if status.quiescent then ready = true end
    end,
  },
})
vim.lsp.buf_attach_client(0, client)
seen.ready = vim.wait(60000, function() return ready end, 50)

local function ask(method, params)
  local answers = vim.lsp.buf_request_sync(0, method, params, 20000) or {}
  return (answers[client] or {}).result
end
local document = { uri = vim.uri_from_bufnr(0) }
local place = { line = seen.line, character = column }
local hover = ask('textDocument/hover', { textDocument = document, position = place })
seen.hover = hover and hover.contents and hover.contents.value

-- The fix is searched in the background: look until it is there, as somebody at the keyboard would.
local at = { line = seen.line + 1, character = 4 }
vim.wait(60000, function()
  local context = { diagnostics = vim.lsp.diagnostic.get_line_diagnostics(0, seen.line + 1) }
  local actions = ask('textDocument/codeAction',
    { textDocument = document, range = { start = at, ['end'] = at }, context = context }) or {}
  seen.titles = vim.tbl_map(function(action) return action.title end, actions)
  for _, action in ipairs(actions) do
    if action.title:find('V[123]') then
      if not action.edit then action = ask('codeAction/resolve', action) or action end
      if action.edit then
        vim.lsp.util.apply_workspace_edit(action.edit, vim.lsp.get_client_by_id(client).offset_encoding)
        seen.after = table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), '\n') .. '\n'
        return true
      end
    end
  end
end, 500)

vim.lsp.stop_client(client)
seen.stopped = vim.wait(10000, function() return vim.lsp.client_is_stopped(client) end, 50)
vim.fn.writefile({ vim.fn.json_encode(seen) }, vim.env.RESULT)
vim.cmd('qall!')
