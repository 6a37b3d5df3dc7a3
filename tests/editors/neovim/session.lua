-- A user in Neovim, with the module that `inhouse setup neovim` prints.  Prints one line a check.
local workspace, python = os.getenv("WS"), os.getenv("INHOUSE")
vim.opt.runtimepath:append(os.getenv("LUA_HOME"))
local failed = 0
local function check(name, ok, extra)
  if not ok then failed = failed + 1 end
  io.stdout:write((ok and "ok " or "FAIL ") .. name .. (extra and ("  " .. tostring(extra)) or "") .. "\n")
end
local function wait(condition) return vim.wait(40000, condition, 20) end
local function text(buffer) return table.concat(vim.api.nvim_buf_get_lines(buffer, 0, -1, false), "\n") end

local inhouse = require("inhouse")
vim.cmd("edit " .. workspace .. "/a.py")
local file = vim.api.nvim_get_current_buf()
local seen = {}
vim.api.nvim_create_autocmd("LspProgress", {
  callback = function(event) table.insert(seen, event.data.params.value.kind) end,
})
inhouse.setup({ cmd = { python, "-m", "inhouse", "lsp" }, trusted = true })
local function server() return vim.lsp.get_clients({ name = "inhouse" })[1] end
check("the server starts", wait(function() return server() and server().initialized end))

local agents
server():request("workspace/executeCommand", { command = "inhouse.agents", arguments = {} }, function(_, result) agents = result end)
check("agents are listed", wait(function() return agents end) and agents[1].id == "helper")

-- Unsaved text is what the model reads.
vim.api.nvim_buf_set_lines(file, 0, 1, false, { "one = 'unsaved'" })
vim.cmd("InhouseRun helper what is this")
local run = inhouse.runs["inhouse-nvim-1"]
check("the transcript streams", wait(function() return text(run.buffer):find("It is a number.", 1, true) end), text(run.buffer))
check("the run completes", wait(function() return run.result end) and run.result.status == "completed")
check("progress has one begin and one end", wait(function() return seen[#seen] == "end" end) and seen[1] == "begin")
vim.cmd("close")

-- An edit is proposed, reviewed and applied as one undo step.
vim.api.nvim_set_current_buf(file)
run = inhouse.run("helper", "change two")
check("an edit run completes", wait(function() return run.result end), run.result and vim.inspect(run.result.error))
vim.cmd("close")
vim.api.nvim_set_current_win(vim.fn.bufwinid(file))
check("the edit is proposed on its line", wait(function()
  for _, one in ipairs(vim.diagnostic.get(file)) do if one.lnum == 1 then return true end end
end), vim.inspect(vim.diagnostic.get(file)):gsub("%s+", " "))
check("nothing is written before the review", vim.api.nvim_buf_get_lines(file, 1, 2, false)[1] == "two = 2")
-- The document changes meanwhile, elsewhere.
vim.api.nvim_buf_set_lines(file, 0, 0, false, { "zero = 0" })
vim.api.nvim_win_set_cursor(0, { 3, 0 })
wait(function() return false end, 300)
vim.cmd("let &undolevels = &undolevels") -- a script types no keys: this is where a user's would break undo
vim.lsp.buf.code_action({ apply = true, filter = function(action) return action.title:find("Apply this hunk") end })
check("a hunk is applied", wait(function() return vim.api.nvim_buf_get_lines(file, 2, 3, false)[1] == "two = 22" end), text(file))
check("the user's own change is kept", vim.api.nvim_buf_get_lines(file, 0, 1, false)[1] == "zero = 0")
vim.cmd("silent undo")
check("one undo takes it back", vim.api.nvim_buf_get_lines(file, 2, 3, false)[1] == "two = 2", text(file))

-- Cancel.
run = inhouse.run("helper", "be slow")
wait(function() return text(run.buffer):find("slowly", 1, true) end)
inhouse.cancel()
check("cancel ends the run", wait(function() return run.result end) and run.result.status == "cancelled")
check("what was said is kept", text(run.buffer):find("slowly", 1, true))
vim.cmd("close")

-- A new definition is seen.
vim.fn.writefile({ "export default { id: 'second', displayName: 'Second', model: 'm' }" }, workspace .. "/.agents/second.ts")
local found = false
local deadline = vim.uv.now() + 15000
while not found and vim.uv.now() < deadline do
  local done
  server():request("workspace/executeCommand", { command = "inhouse.agents", arguments = {} }, function(_, result)
    for _, one in ipairs(result or {}) do found = found or one.id == "second" end
    done = true
  end)
  wait(function() return done end)
end
check("a new definition is seen", found)
server():stop()
check("the server stops", wait(function() return #vim.lsp.get_clients({ name = "inhouse" }) == 0 end))
vim.cmd(failed > 0 and "cquit 1" or "quitall!")
