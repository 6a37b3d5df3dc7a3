-- :checkhealth inhouse
local M = {}

function M.check()
  local health, inhouse = vim.health, require("inhouse")
  health.start("Inhouse")
  if vim.fn.has("nvim-0.11") == 1 then
    health.ok("Neovim " .. tostring(vim.version()))
  else
    health.error("Neovim is too old", "Inhouse needs Neovim 0.11 or newer")
  end
  local program = inhouse.options.cmd[1]
  if vim.fn.executable(program) == 0 then
    return health.error("There is no program " .. program, {
      "Install Inhouse (see its README)",
      "or name the program: require('inhouse').setup({ cmd = { '/path/to/inhouse', 'lsp' } })",
    })
  end
  local answer = vim.system({ program, "--version" }, { text = true }):wait(10000)
  if answer.code == 0 then
    health.ok(vim.trim(answer.stdout) .. " (" .. vim.fn.exepath(program) .. ")")
  else
    return health.error(program .. " does not start: " .. vim.trim(answer.stderr or ""), "Run it in a terminal: " .. program .. " doctor")
  end
  local clients = vim.lsp.get_clients({ name = "inhouse" })
  if #clients == 0 then
    return health.warn("The server is not running", {
      "Call require('inhouse').setup() in init.lua",
      "and open a file: the server starts with the first one",
    })
  end
  for _, client in ipairs(clients) do
    health.ok("The server runs for " .. (client.root_dir or "no folder"))
    local function ask(name)
      local asked = { command = name, arguments = { vim.empty_dict() } }
      local result = client:request_sync("workspace/executeCommand", asked, 5000)
      return result and result.result or {}
    end
    local usable, served = 0, 0
    for _, agent in ipairs(ask("inhouse.agents")) do
      if agent.usable and not agent.shadowedBy then
        usable = usable + 1
        served = served + (agent.route and 1 or 0)
      end
    end
    if served > 0 then
      health.ok(("%d of %d agents have a model"):format(served, usable))
    else
      health.error("No agent has a model yet", "Run in a terminal: inhouse endpoint add")
    end
    if ask("inhouse.edits")[1] then health.info(inhouse.status()) end
  end
end

return M
