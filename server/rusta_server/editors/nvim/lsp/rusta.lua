-- What `vim.lsp.enable('rusta')` starts; `vim.lsp.config('rusta', { … })` in your init.lua comes on top.
---@type vim.lsp.Config
return {
  cmd = { 'rusta', 'serve' },
  filetypes = { 'rust' },
  root_markers = { 'Cargo.toml', 'rust-project.json' },
  -- Rusta's own settings.
  init_options = { rusta = {} },
  -- rust-analyzer's. It wants them at the start already, before it can ask for them.
  settings = { ['rust-analyzer'] = {} },
  before_init = function(params, config)
    local settings = config.settings and config.settings['rust-analyzer'] or {}
    params.initializationOptions = vim.tbl_extend('keep', params.initializationOptions or {}, settings)
  end,
}
