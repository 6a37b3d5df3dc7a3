-- Inhouse in Neovim 0.11 or newer: the server for every file, a prompt, a picker, a transcript.
--   require("inhouse").setup()                     -- cmd, settings, trusted: see M.options
--   :InhouseRun [AGENT] [PROMPT]   :InhouseCancel   :InhouseAgents
local M = { runs = {} }

M.options = {
  cmd = { "inhouse", "lsp" },
  settings = {}, -- the section `inhouse`: endpoints, routes, privacy, …
  trusted = nil, -- true: you trust every workspace you open; nil: you are asked
}

local serial = 0

local function client()
  return vim.lsp.get_clients({ name = "inhouse" })[1]
end

local function command(name, argument, done)
  local server = client()
  if not server then
    return vim.notify("Inhouse is not running here; open a file first.", vim.log.levels.WARN)
  end
  server:request("workspace/executeCommand", { command = name, arguments = { argument } }, function(err, result)
    if err then
      vim.notify(err.message, vim.log.levels.ERROR)
    elseif done then
      done(result)
    end
  end)
end

--- A floating window that the transcript streams into.
local function open_transcript(title)
  local buffer = vim.api.nvim_create_buf(false, true)
  vim.bo[buffer].filetype = "markdown"
  local width, height = math.floor(vim.o.columns * 0.7), math.floor(vim.o.lines * 0.6)
  local window = vim.api.nvim_open_win(buffer, true, {
    relative = "editor", style = "minimal", border = "rounded", title = " " .. title .. " ",
    width = math.max(width, 20), height = math.max(height, 5),
    row = math.floor((vim.o.lines - height) / 2), col = math.floor((vim.o.columns - width) / 2),
  })
  vim.wo[window].wrap = true
  vim.keymap.set("n", "q", "<cmd>close<cr>", { buffer = buffer, desc = "Close the transcript" })
  return buffer, window
end

local function append(buffer, text)
  if not vim.api.nvim_buf_is_valid(buffer) then return end
  local last = vim.api.nvim_buf_line_count(buffer) - 1
  local column = #(vim.api.nvim_buf_get_lines(buffer, last, last + 1, false)[1] or "")
  vim.api.nvim_buf_set_text(buffer, last, column, last, column, vim.split(text, "\n", { plain = true }))
end

local function on_event(run, event)
  if event.parent then return end
  if event.kind == "text" then
    append(run.buffer, event.delta)
  elseif event.kind == "tool_call" then
    append(run.buffer, "\n`" .. event.tool .. "` …\n")
  elseif event.kind == "notice" then
    append(run.buffer, "\n> " .. event.message .. "\n")
  elseif event.kind == "finish" then
    run.result = event.result
    local told = event.result.error and ("\n\n**" .. event.result.error.message .. "**") or ""
    append(run.buffer, told .. "\n\n*" .. event.result.status .. "*\n")
  end
end

local function progress(err, params, context)
  local run = M.runs[params.token]
  if run and params.value.events then
    for _, event in ipairs(params.value.events) do on_event(run, event) end
    return
  end
  return vim.lsp.handlers["$/progress"](err, params, context)
end

--- Run an agent; what is selected, or the file, goes with the prompt.
function M.run(agent, prompt, range)
  serial = serial + 1
  local token = "inhouse-nvim-" .. serial
  local argument = { agent = agent, prompt = prompt, streamToken = token }
  if vim.bo.buftype == "" and vim.api.nvim_buf_get_name(0) ~= "" then
    argument.uri = vim.uri_from_bufnr(0)
    argument.range = range
  end
  local buffer, window = open_transcript(agent)
  local run = { buffer = buffer, window = window }
  M.runs[token] = run
  command("inhouse.run", argument, function(result) run.id = result.runId end)
  return run
end

--- Pick an agent and type a prompt.
function M.pick(range)
  command("inhouse.agents", vim.empty_dict(), function(agents)
    local usable = vim.tbl_filter(function(one) return one.usable and not one.shadowedBy end, agents)
    vim.ui.select(usable, {
      prompt = "Agent",
      format_item = function(one)
        local where = one.route and (one.route.endpoint .. (one.route["local"] and ", local" or ", remote")) or "nowhere"
        return one.id .. "  " .. one.description .. "  (" .. where .. ")"
      end,
    }, function(one)
      if not one then return end
      vim.ui.input({ prompt = one.id .. ": " }, function(text)
        if text then M.run(one.id, text, range) end
      end)
    end)
  end)
end

function M.cancel()
  command("inhouse.cancel", vim.empty_dict(), function(result)
    vim.notify(#result.cancelled > 0 and "Cancelled." or "Nothing is running.")
  end)
end

local function attach(buffer)
  if vim.bo[buffer].buftype ~= "" or vim.api.nvim_buf_get_name(buffer) == "" then return end
  vim.lsp.start({
    name = "inhouse",
    cmd = M.options.cmd,
    root_dir = vim.fs.root(buffer, { ".agents", "inhouse.toml", ".git" }) or vim.fn.getcwd(),
    settings = { inhouse = M.options.settings },
    init_options = { trusted = M.options.trusted, inhouse = M.options.settings },
    handlers = { ["$/progress"] = progress },
  }, { bufnr = buffer })
end

function M.setup(options)
  M.options = vim.tbl_deep_extend("force", M.options, options or {})
  vim.api.nvim_create_autocmd({ "BufReadPost", "BufNewFile" }, {
    group = vim.api.nvim_create_augroup("inhouse", {}),
    callback = function(event) attach(event.buf) end,
  })
  attach(vim.api.nvim_get_current_buf())
  vim.api.nvim_create_user_command("InhouseRun", function(given)
    local range = nil
    if given.range > 0 then
      range = {
        start = { line = given.line1 - 1, character = 0 },
        ["end"] = { line = given.line2, character = 0 },
      }
    end
    local agent = table.remove(given.fargs, 1)
    if agent then
      M.run(agent, table.concat(given.fargs, " "), range)
    else
      M.pick(range)
    end
  end, { nargs = "*", range = true, desc = "Run an agent" })
  vim.api.nvim_create_user_command("InhouseAgents", function() M.pick() end, { desc = "Pick an agent" })
  vim.api.nvim_create_user_command("InhouseCancel", M.cancel, { desc = "Cancel the newest run" })
end

return M
