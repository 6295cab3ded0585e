-- `:checkhealth rusta`: whether Rusta can start, what it has found, and what it serves right now.
local M = {}

local health = vim.health
local TIMEOUT_MS = 60000

--- Whether the program ran well, and what it said.
local function run(command)
  -- Wide, so that no line is broken.
  local options = { text = true, env = { COLUMNS = '500' } }
  local ok, done = pcall(function() return vim.system(command, options):wait(TIMEOUT_MS) end)
  if not ok then return false, done end
  return done.code == 0, vim.trim(done.stdout .. done.stderr)
end

local function check_program(command)
  health.start('Program')
  if vim.fn.executable(command[1]) == 0 then
    health.error(('`%s` cannot be run'):format(command[1]), { 'Put it on PATH, or set `cmd` to its full path.' })
    return
  end
  local ok, said = run({ command[1], '--version' })
  if not ok then
    health.error(('`%s --version` failed'):format(command[1]), { said })
    return
  end
  health.ok(('%s (%s)'):format(said, vim.fn.exepath(command[1])))
  -- One line for each thing that was looked for, with a mark before it.
  local _, found = run({ command[1], 'doctor' })
  local marks = { ['✓'] = health.ok, ['!'] = health.warn, ['✗'] = health.error }
  for line in vim.gsplit(found, '\n') do
    local mark, rest = line:match('^%s*(%S+)%s+(.-)%s*$')
    if mark and marks[mark] then
      marks[mark]((rest:gsub('%s%s+', ': ', 1)))
    elseif mark then
      health.info(vim.trim(line))
    end
  end
end

local function check_configuration()
  health.start('Configuration')
  if vim.fn.has('nvim-0.11') == 0 then
    health.error('Neovim is older than 0.11, which has no `vim.lsp.config`')
    return nil
  end
  local config = vim.lsp.config.rusta
  if not config or not config.cmd then
    health.error("there is no configuration 'rusta'", { "Add Rusta's folder to 'runtimepath': `rusta editor nvim --path`" })
    return nil
  end
  local is_enabled = vim.lsp.is_enabled or function(name) return vim.lsp._enabled_configs[name] ~= nil end
  if is_enabled('rusta') then
    health.ok('enabled for ' .. table.concat(config.filetypes or {}, ', '))
  else
    health.warn('not enabled', { "vim.lsp.enable('rusta')" })
  end
  for _, other in ipairs({ 'rust_analyzer', 'rust-analyzer' }) do
    if is_enabled(other) then
      health.warn(other .. ' is enabled, too: everything will be shown twice', { 'Rusta starts rust-analyzer itself.' })
    end
  end
  return config
end

local function check_clients()
  health.start('Running')
  local clients = vim.lsp.get_clients({ name = 'rusta' })
  if #clients == 0 then health.info('no Rust file is open') end
  for _, client in ipairs(clients) do
    local version = vim.tbl_get(client, 'server_capabilities', 'experimental', 'rusta', 'version')
    local buffers = vim.tbl_count(client.attached_buffers)
    health.ok(('Rusta %s for %s, %d buffers, %s'):format(
      version or '?', client.root_dir or 'a lone file', buffers, client.offset_encoding))
  end
end

function M.check()
  local config = check_configuration()
  check_program(config and type(config.cmd) == 'table' and config.cmd or { 'rusta' })
  check_clients()
end

return M
