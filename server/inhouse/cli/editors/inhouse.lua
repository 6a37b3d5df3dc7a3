-- Inhouse in Neovim 0.11 or newer: the server for every file, a prompt, a picker, a transcript.
--   require("inhouse").setup()                     -- cmd, settings, trusted: see M.options
--   :InhouseRun [AGENT] [PROMPT]   :InhouseCancel   :InhouseRuns
--   %{v:lua.require'inhouse'.status()} in the status line: what runs and what it is doing
local M = { runs = {} }

M.options = {
  cmd = { "inhouse", "lsp" },
  settings = {}, -- the section `inhouse`: endpoints, routes, privacy, …
  trusted = nil, -- true: you trust every workspace you open; nil: you are asked
}

local serial = 0
local working = {} -- Progress token to what is going on.
local lasted = 3000 -- A server that ends sooner is not started again, in milliseconds.

local function client()
  return vim.lsp.get_clients({ name = "inhouse" })[1]
end

--- Execute a command of the server; `failed` hears of an error that the user is told.
local function command(name, argument, done, failed)
  local server = client()
  if not server then
    vim.notify("Inhouse is not running here; :edit a file to start it.", vim.log.levels.WARN)
    return failed and failed()
  end
  server:request("workspace/executeCommand", { command = name, arguments = { argument } }, function(err, result)
    if err then
      vim.notify(err.message, vim.log.levels.ERROR)
      if failed then failed() end
    elseif done then
      done(result)
    end
  end)
end

--- What runs and what it is doing, for a status line.
function M.status()
  local told = {}
  for _, one in pairs(working) do
    table.insert(told, one.message and (one.title .. ": " .. one.message) or one.title)
  end
  return table.concat(told, " | ")
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
  vim.wo[window].wrap, vim.wo[window].linebreak = true, true
  vim.keymap.set("n", "q", "<cmd>close<cr>", { buffer = buffer, desc = "Close the transcript" })
  return buffer, window
end

local function append(buffer, text)
  if not vim.api.nvim_buf_is_valid(buffer) then return end
  local last = vim.api.nvim_buf_line_count(buffer) - 1
  local column = #(vim.api.nvim_buf_get_lines(buffer, last, last + 1, false)[1] or "")
  vim.api.nvim_buf_set_text(buffer, last, column, last, column, vim.split(text, "\n", { plain = true }))
end

local typed = 0 -- When a key was last pressed, in milliseconds.
local quiet = 600 -- Milliseconds without a key that make what follows an answer.

--- Wait until nobody is in the middle of something: normal mode, and a moment without a key.
local function when_quiet(done)
  local told, timer = false, vim.uv.new_timer()
  timer:start(0, 100, vim.schedule_wrap(function()
    if timer:is_closing() then return end
    local mode = vim.api.nvim_get_mode()
    if mode.mode == "n" and not mode.blocking and vim.uv.now() - typed > quiet then
      timer:close()
      done()
    elseif not told and mode.mode ~= "n" then
      told = true
      vim.notify("An agent asks you something, as soon as you are in normal mode.", vim.log.levels.WARN)
    end
  end))
end

--- A question that any text answers.
local function ask(event)
  when_quiet(function()
    vim.ui.input({ prompt = event.text .. " " }, function(text)
      local answer = { questionId = event.questionId, choices = text == nil and {} or nil, text = text }
      command("inhouse.answer", answer)
    end)
  end)
end

--- The fewest first words that tell each choice from the others.
local function words_of(titles)
  return vim.tbl_map(function(title)
    local own = vim.split(title:lower(), "%s+")
    for count = 1, #own - 1 do
      local start, alike = table.concat(own, " ", 1, count), 0
      for _, other in ipairs(titles) do
        if vim.startswith(other:lower() .. " ", start .. " ") then alike = alike + 1 end
      end
      if alike == 1 then return start end
    end
    return title:lower()
  end, titles)
end

--- What may do harm is allowed by a word; an empty answer takes the first choice, the safe one.
local function ask_for_word(message, titles, done)
  local words = words_of(titles)
  local lines = { message }
  for index, title in ipairs(titles) do table.insert(lines, "  " .. words[index] .. ": " .. title) end
  table.insert(lines, "Word (Enter: " .. words[1] .. "): ")
  vim.ui.input({ prompt = table.concat(lines, "\n") }, function(text)
    if text == nil then return done(nil) end
    local answer = vim.trim(text):lower()
    if answer == "" then return done(titles[1]) end
    for index, title in ipairs(titles) do
      if answer == words[index] or answer == title:lower() then return done(title) end
    end
    ask_for_word(("Nothing was allowed by %q.  %s"):format(text, message), titles, done)
  end)
end

--- Ask what the server asks: never over somebody who is typing.
local function ask_choice(_, params)
  local thread = coroutine.running()
  local titles = vim.tbl_map(function(one) return one.title end, params.actions or {})
  local function done(title)
    vim.schedule(function() coroutine.resume(thread, title and { title = title } or vim.NIL) end)
  end
  when_quiet(function()
    if #titles == 0 then return done(nil) end
    if params.type == vim.lsp.protocol.MessageType.Warning then
      return ask_for_word(params.message, titles, done)
    end
    vim.ui.select(titles, { prompt = params.message }, done)
  end)
  return coroutine.yield()
end

local function on_event(run, event)
  if event.parent then return end
  if event.kind == "text" then
    append(run.buffer, event.delta)
  elseif event.kind == "tool_call" then
    append(run.buffer, "\n`" .. event.tool .. "` …\n")
  elseif event.kind == "notice" then
    append(run.buffer, "\n\n> " .. event.message .. "\n")
  elseif event.kind == "question" and #event.choices == 0 then
    vim.schedule(function() ask(event) end)
  elseif event.kind == "finish" then
    run.result = event.result
    local told = event.result.error and ("\n\n**" .. event.result.error.message .. "**") or ""
    append(run.buffer, told .. "\n\n*" .. event.result.status .. "*\n")
  end
end

--- Say in a run's window what it is doing; a slow model is silent for long.
local function title(run, value)
  if not (run and run.window and vim.api.nvim_win_is_valid(run.window)) then return end
  local doing = value.kind == "report" and vim.split(value.message or "", "\n")[1] or ""
  local told = doing == "" and run.agent or (run.agent .. ": " .. doing:sub(1, 50))
  vim.api.nvim_win_set_config(run.window, { title = " " .. told .. " " })
end

local function progress(err, params, context)
  local run = M.runs[params.token]
  if run and params.value.events then
    for _, event in ipairs(params.value.events) do on_event(run, event) end
    return
  end
  local value, token = params.value, params.token
  if value.kind == "begin" then
    working[token] = { title = value.title, message = value.message }
  elseif value.kind == "report" and working[token] then
    working[token].message = value.message or working[token].message
  elseif value.kind == "end" then
    working[token] = nil
  end
  vim.cmd.redrawstatus({ bang = true })
  title(M.runs[tostring(token):gsub("%-work$", "")], value)
  return vim.lsp.handlers["$/progress"](err, params, context)
end

--- Start a run with the argument of `inhouse.run` and show it.
local function start(argument)
  serial = serial + 1
  local token = "inhouse-nvim-" .. serial
  local run = { agent = argument.agent }
  M.runs[token] = run
  run.buffer, run.window = open_transcript(argument.agent)
  local tokens = { streamToken = token, workDoneToken = token .. "-work" }
  command("inhouse.run", vim.tbl_extend("force", argument, tokens), function(result)
    run.id = result.runId
  end, function()
    M.runs[token] = nil
    pcall(vim.api.nvim_buf_delete, run.buffer, { force = true })
  end)
  return run
end

--- Run an agent; what is selected, or the file, goes with the prompt.
function M.run(agent, prompt, range)
  local argument = { agent = agent, prompt = prompt }
  if vim.bo.buftype == "" and vim.api.nvim_buf_get_name(0) ~= "" then
    argument.uri = vim.uri_from_bufnr(0)
    argument.range = range
  end
  return start(argument)
end

--- Code actions and lenses that run an agent show it like every other run.
vim.lsp.commands["inhouse.run"] = function(action) start(action.arguments[1]) end

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

--- Pick a run, also one of before the server's last start, and open its transcript.
function M.pick_run()
  command("inhouse.runs", { limit = 50, earlier = true }, function(runs)
    if #runs == 0 then return vim.notify("There is no run yet.") end
    vim.ui.select(runs, {
      prompt = "Run",
      format_item = function(one)
        return one.agent .. "  " .. one.status .. "  " .. one.prompt:gsub("%s+", " "):sub(1, 60)
      end,
    }, function(one)
      if one then command("inhouse.transcript", { runId = one.runId }) end
    end)
  end)
end

--- Give the ids of agents that begin with what was typed.
local function complete(typed, line)
  if #vim.split(line, "%s+") > 2 or not client() then return {} end
  local asked = { command = "inhouse.agents", arguments = { vim.empty_dict() } }
  local answer = client():request_sync("workspace/executeCommand", asked, 2000)
  local ids = vim.tbl_map(function(one) return one.id end, answer and answer.result or {})
  return vim.tbl_filter(function(id) return vim.startswith(id, typed) end, ids)
end

local attach

--- The server has ended: say so where its runs are shown, and start it again after a crash.
local function ended(at_once, code, signal)
  for _, run in pairs(M.runs) do
    if not run.result then
      run.result = { status = "failed" }
      append(run.buffer, "\n\n**The server stopped; this is what was said.**\n")
    end
  end
  if (code == 0 and signal == 0) or vim.v.exiting ~= vim.NIL then return end
  working = {}
  if at_once then -- Neovim itself has told how it ended and where the log is.
    return vim.notify("Inhouse ended as soon as it was started; :edit tries again.", vim.log.levels.ERROR)
  end
  vim.defer_fn(function() -- Until then Neovim would still hand out the client that has ended.
    for _, buffer in ipairs(vim.api.nvim_list_bufs()) do
      if vim.api.nvim_buf_is_loaded(buffer) then attach(buffer) end
    end
    vim.notify("Inhouse is started again.", vim.log.levels.WARN)
  end, 1000)
end

--- What other servers and linters report, for the agents' tool `diagnostics`.
local function diagnostics(_, asked)
  local buffer = asked.uri and vim.uri_to_bufnr(asked.uri) or nil
  local files = {}
  for _, each in ipairs(vim.diagnostic.get(buffer)) do
    local uri = vim.uri_from_bufnr(each.bufnr)
    files[uri] = files[uri] or { uri = uri, diagnostics = {} }
    table.insert(files[uri].diagnostics, {
      range = {
        start = { line = each.lnum, character = each.col },
        ["end"] = { line = each.end_lnum or each.lnum, character = each.end_col or each.col },
      },
      severity = each.severity, source = each.source, code = each.code, message = each.message,
    })
  end
  return vim.tbl_values(files)
end

function attach(buffer)
  if vim.bo[buffer].buftype ~= "" or vim.api.nvim_buf_get_name(buffer) == "" then return end
  if vim.fn.executable(M.options.cmd[1]) == 0 then
    local missing = "Inhouse: there is no program %s. Install it (pip install inhouse), or name it: setup({ cmd = … })."
    return vim.notify_once(missing:format(M.options.cmd[1]), vim.log.levels.ERROR)
  end
  local began = vim.uv.now()
  vim.lsp.start({
    name = "inhouse",
    cmd = M.options.cmd,
    root_dir = vim.fs.root(buffer, { ".agents", "inhouse.toml", ".git" }) or vim.fn.getcwd(),
    settings = { inhouse = M.options.settings },
    init_options = { trusted = M.options.trusted, inhouse = M.options.settings, draws = { "freeText" }, offers = { "diagnostics" } },
    handlers = {
      ["$/progress"] = progress,
      ["inhouse/diagnostics"] = diagnostics,
      ["window/showMessageRequest"] = ask_choice,
    },
    on_exit = function(code, signal)
      local at_once = vim.uv.now() - began < lasted
      vim.schedule(function() ended(at_once, code, signal) end)
    end,
  }, { bufnr = buffer })
end

function M.setup(options)
  M.options = vim.tbl_deep_extend("force", M.options, options or {})
  vim.on_key(function() typed = vim.uv.now() end, vim.api.nvim_create_namespace("inhouse"))
  vim.api.nvim_create_autocmd({ "BufReadPost", "BufNewFile" }, {
    group = vim.api.nvim_create_augroup("inhouse", {}),
    callback = function(event) attach(event.buf) end,
  })
  if vim.v.vim_did_enter == 1 then attach(vim.api.nvim_get_current_buf()) end
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
  end, { nargs = "*", range = true, complete = complete, desc = "Run an agent" })
  vim.api.nvim_create_user_command("InhouseRuns", M.pick_run, { desc = "Open a run's transcript" })
  vim.api.nvim_create_user_command("InhouseCancel", M.cancel, { desc = "Cancel the newest run" })
end

return M
