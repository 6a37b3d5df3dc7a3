-- Inhouse in Neovim 0.11 or newer: the server for every file, a prompt, transcripts, a review.
--   require("inhouse").setup()        -- what it takes: M.options, and :help inhouse
--   %{v:lua.require'inhouse'.status()} in the status line: what runs, and what waits for you
local M = { runs = {}, sessions = {} } -- Stream token to run; session id to what shows it.

M.options = {
  cmd = { "inhouse", "lsp" },
  settings = {}, -- the section `inhouse`: endpoints, routes, privacy, …
  trusted = nil, -- true: you trust every workspace you open; nil: you are asked
  transcript = "below", -- where a run is shown: "below", "right" or "float"
  keys = true, -- ]i [i while changes wait, <leader>ia ir id in their files; false: none
}

local serial = 0
local working = {} -- Progress token to what is going on.
local crashes = {} -- When servers crashed, in milliseconds: the fifth in three minutes stays down.
local waiting = {} -- Client id to the changes that wait for the user's review.
local last_session = nil -- The conversation that was spoken to last.
local last_file = nil -- The file that was looked at last: a transcript has none of its own.

--- The client of a buffer, else that of the file looked at last, else any.
local function client(buffer)
  for _, each in ipairs({ buffer or vim.api.nvim_get_current_buf(), last_file }) do
    if vim.api.nvim_buf_is_valid(each) then
      local attached = vim.lsp.get_clients({ name = "inhouse", bufnr = each })[1]
      if attached then return attached end
    end
  end
  return vim.lsp.get_clients({ name = "inhouse" })[1]
end

--- At most so many characters of a text, and never a part of one.
local function short(text, most)
  return vim.fn.strchars(text) > most and vim.fn.strcharpart(text, 0, most - 1) .. "…" or text
end

local function plural(count, noun)
  return count .. " " .. noun .. (count == 1 and "" or "s")
end

--- Execute a command of a server; `failed` hears of an error that the user is told.
local function command(name, argument, done, failed, server)
  server = server or client()
  if not server then
    vim.notify("Inhouse is not running here. Open a file of the project, or see :checkhealth inhouse.", vim.log.levels.WARN)
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

--- Count the changes that wait, by file: "2 changes wait in paths.py".
local function waits()
  local told, order = {}, {}
  for _, hunks in pairs(waiting) do
    for _, hunk in ipairs(hunks) do
      if not told[hunk.uri] then table.insert(order, hunk.uri) end
      told[hunk.uri] = (told[hunk.uri] or 0) + 1
    end
  end
  return vim.tbl_map(function(uri)
    local count = told[uri]
    local name = vim.fs.basename(vim.uri_to_fname(uri))
    return plural(count, "change") .. (count == 1 and " waits in " or " wait in ") .. name
  end, order)
end

--- What runs and what it is doing, and what waits for a review, for a status line.
function M.status()
  local told = {}
  for _, one in pairs(working) do
    table.insert(told, one.message and (one.title .. ": " .. one.message) or one.title)
  end
  return table.concat(vim.list_extend(told, waits()), " | ")
end

--- The window that shows transcripts, where there is one.
local function transcript_window()
  for _, window in ipairs(vim.api.nvim_tabpage_list_wins(0)) do
    if vim.w[window].inhouse_transcript then return window end
  end
end

--- Whether a run that goes on is shown in a buffer.
local function busy(buffer)
  return vim.iter(pairs(M.runs)):any(function(_, run) return run.buffer == buffer and not run.result end)
end

--- Show a buffer where transcripts are shown, and no run that goes on less; the cursor stays where it is.
local function show_transcript(buffer, title)
  local window, beside
  for _, each in ipairs(vim.api.nvim_tabpage_list_wins(0)) do
    if vim.w[each].inhouse_transcript then
      local shown = vim.api.nvim_win_get_buf(each)
      if shown == buffer then
        window = each
      elseif busy(shown) then
        beside = each
      else
        window = window or each
      end
    end
  end
  if not window and beside and M.options.transcript ~= "float" then
    local split = M.options.transcript == "right" and "below" or "right"
    window = vim.api.nvim_open_win(buffer, false, { split = split, win = beside })
  elseif window then
    vim.api.nvim_win_set_buf(window, buffer)
  elseif M.options.transcript == "float" then
    local width, height = math.floor(vim.o.columns * 0.7), math.floor(vim.o.lines * 0.6)
    window = vim.api.nvim_open_win(buffer, true, {
      relative = "editor", border = "rounded", width = math.max(width, 20), height = math.max(height, 5),
      row = math.floor((vim.o.lines - height) / 2), col = math.floor((vim.o.columns - width) / 2),
    })
  else
    local right = M.options.transcript == "right"
    window = vim.api.nvim_open_win(buffer, false, {
      split = right and "right" or "below", win = -1,
      [right and "width" or "height"] = math.floor(right and vim.o.columns * 0.45 or vim.o.lines * 0.35),
    })
  end
  vim.w[window].inhouse_transcript = true
  local wo = vim.wo[window][0]
  wo.wrap, wo.linebreak, wo.number, wo.relativenumber, wo.signcolumn = true, true, false, false, "no"
  vim.wo[window].winbar = title:gsub("%%", "%%%%")
  return window
end

--- A buffer that a transcript streams into.
local function transcript_buffer(agent)
  local buffer = vim.api.nvim_create_buf(false, true)
  vim.api.nvim_buf_set_name(buffer, "inhouse://" .. agent .. "/" .. serial)
  vim.bo[buffer].filetype, vim.bo[buffer].bufhidden = "markdown", "hide"
  vim.keymap.set("n", "q", "<cmd>close<cr>", { buffer = buffer, desc = "Close the transcript" })
  return buffer
end

--- Add text at the end; a window whose cursor stands on the last line follows.
local function append(buffer, text)
  if not vim.api.nvim_buf_is_valid(buffer) then return end
  local last = vim.api.nvim_buf_line_count(buffer) - 1
  local following = vim.tbl_filter(function(window)
    return vim.api.nvim_win_get_cursor(window)[1] == last + 1
  end, vim.fn.win_findbuf(buffer))
  local column = #(vim.api.nvim_buf_get_lines(buffer, last, last + 1, false)[1] or "")
  vim.api.nvim_buf_set_text(buffer, last, column, last, column, vim.split(text, "\n", { plain = true }))
  for _, window in ipairs(following) do
    vim.api.nvim_win_set_cursor(window, { vim.api.nvim_buf_line_count(buffer), 0 })
  end
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
      vim.notify("An agent has a question.  Press Esc to see it.", vim.log.levels.WARN)
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

--- How many lines a unified diff adds and removes.
local function size(diff)
  local added, removed = 0, 0
  for line in vim.gsplit(diff, "\n", { plain = true }) do
    if line:match("^%+") and not line:match("^%+%+%+ ") then added = added + 1 end
    if line:match("^%-") and not line:match("^%-%-%- ") then removed = removed + 1 end
  end
  return ("+%d −%d"):format(added, removed)
end

--- How a run ended, where its model is, and what it took.
local function spent(result)
  local route, used = result.route, result.usage
  return ("%s · %s on %s (%s) · %.1f s, %d tokens in, %d out%s"):format(
    result.status, route.model, route.endpoint, route["local"] and "local" or "remote", result.durationMs / 1000,
    used.inputTokens, used.outputTokens, type(used.costUsd) == "number" and used.costUsd > 0 and (", $%.4f"):format(used.costUsd) or "")
end

local function on_event(run, event)
  if event.parent then return end
  if event.kind == "text" then
    append(run.buffer, event.delta)
  elseif event.kind == "tool_call" then
    append(run.buffer, "\n- " .. (event.title or event.tool) .. "\n")
  elseif event.kind == "tool_result" and not event.ok then
    append(run.buffer, "  ✗ " .. event.summary .. "\n")
  elseif event.kind == "edit" then
    local name = vim.fs.basename(vim.uri_to_fname(event.uri))
    append(run.buffer, "\n- " .. event.state .. ": " .. name .. " (" .. size(event.diff) .. ")\n")
  elseif event.kind == "notice" then
    append(run.buffer, "\n\n> " .. event.message .. "\n")
  elseif event.kind == "question" and #event.choices == 0 then
    vim.schedule(function() ask(event) end)
  elseif event.kind == "finish" then
    run.result = event.result
    local told = event.result.error and ("\n\n**" .. event.result.error.message .. "**") or ""
    append(run.buffer, told .. "\n\n*" .. spent(event.result) .. "*\n")
  end
end

--- Say above a run's transcript what it is doing; a slow model is silent for long.
local function title(run, value)
  local window = run and vim.fn.win_findbuf(run.buffer)[1]
  if not window then return end
  local doing = value.kind == "report" and vim.split(value.message or "", "\n")[1] or ""
  local told = doing == "" and run.agent or (run.agent .. ": " .. doing)
  vim.wo[window].winbar = short(told, vim.api.nvim_win_get_width(window) - 2):gsub("%%", "%%%%")
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
local function start(argument, server)
  serial = serial + 1
  local token = "inhouse-nvim-" .. serial
  local told = argument.session and M.sessions[argument.session]
  local known = told and vim.api.nvim_buf_is_valid(told.buffer) and told or nil
  local run = { agent = argument.agent or (told and told.agent) or argument.session, prompt = argument.prompt or "" }
  server = server or client()
  if not server then return command("inhouse.run", argument) end
  run.client = server.id
  M.runs[token] = run
  run.buffer = known and known.buffer or transcript_buffer(run.agent)
  if known then append(run.buffer, "\n\n## You\n\n" .. run.prompt .. "\n\n") end
  local window = show_transcript(run.buffer, run.agent)
  local tokens = { streamToken = token, workDoneToken = token .. "-work" }
  command("inhouse.run", vim.tbl_extend("force", argument, tokens), function(result)
    run.id, run.agent, last_session = result.runId, result.agent, result.session
    M.sessions[result.session] = { buffer = run.buffer, agent = result.agent }
    if vim.api.nvim_buf_is_valid(run.buffer) then vim.b[run.buffer].inhouse_session = result.session end
    if result.steered then M.runs[token] = nil end -- The run that goes on says more.
  end, function()
    M.runs[token] = nil
    if known then return append(run.buffer, "\n*not sent*\n") end
    pcall(vim.api.nvim_win_close, window, true)
    pcall(vim.api.nvim_buf_delete, run.buffer, { force = true })
  end, server)
  return run
end

--- Whether a buffer is a file of the project, which the server reads itself.
local function is_served(buffer, server)
  local name = vim.api.nvim_buf_get_name(buffer)
  return vim.bo[buffer].buftype == "" and name ~= "" and server and vim.lsp.buf_is_attached(buffer, server.id)
    and vim.fs.relpath(vim.uv.fs_realpath(server.root_dir) or server.root_dir, vim.uv.fs_realpath(name) or name) ~= nil
end

--- Run an agent; what is selected, or the file, goes with the prompt.
--- Of a file outside the project the text itself goes with it; of a transcript only a selection.
function M.run(agent, prompt, range)
  local argument, buffer, server = { agent = agent, prompt = prompt }, vim.api.nvim_get_current_buf(), client()
  if is_served(buffer, server) then
    argument.uri = vim.uri_from_bufnr(buffer)
    argument.range = range
  elseif range or (vim.bo[buffer].buftype == "" and vim.api.nvim_buf_get_name(buffer) ~= "") then
    local first, last = range and range.start.line or 0, range and range["end"].line or -1
    local text = table.concat(vim.api.nvim_buf_get_lines(buffer, first, last, false), "\n")
    argument.prompt = ("%s\n\n%s:\n\n%s"):format(prompt, vim.fs.basename(vim.api.nvim_buf_get_name(buffer)), text)
  end
  return start(argument, server)
end

--- Code actions and lenses that run an agent show it like every other run.
vim.lsp.commands["inhouse.run"] = function(action, context)
  start(action.arguments[1], context and vim.lsp.get_client_by_id(context.client_id))
end

--- Pick an agent and type a prompt.
function M.pick(range)
  command("inhouse.agents", vim.empty_dict(), function(agents)
    local usable = vim.tbl_filter(function(one) return one.usable and not one.shadowedBy end, agents)
    vim.ui.select(usable, {
      prompt = "Agent",
      format_item = function(one)
        local where = one.route and (one.route.endpoint .. (one.route["local"] and ", local" or ", remote")) or "no endpoint"
        local room = vim.o.columns - #one.id - #where - 12 -- One line each, with its number.
        return one.id .. "  " .. short(one.description, math.max(room, 20)) .. "  (" .. where .. ")"
      end,
    }, function(one)
      if not one then return end
      vim.ui.input({ prompt = one.id .. ": " }, function(text)
        if text then M.run(one.id, text, range) end
      end)
    end)
  end)
end

--- Cancel a run: the only one, or the one that is picked; with `all` every one.
function M.cancel(all)
  local server = client()
  command("inhouse.runs", { limit = 50 }, function(runs)
    local running = vim.tbl_filter(function(one) return one.status == "running" end, runs)
    local function cancel(one)
      if one then command("inhouse.cancel", { runId = one.runId }, function() vim.notify("Cancelled " .. one.agent .. ".") end, nil, server) end
    end
    if #running == 0 then return vim.notify("Nothing is running.") end
    if #running == 1 or all then return vim.tbl_map(cancel, running) end
    vim.ui.select(running, {
      prompt = "Cancel",
      format_item = function(one) return one.agent .. "  " .. short(one.prompt:gsub("%s+", " "), 60) end,
    }, cancel)
  end, nil, server)
end

--- Pick a run, also one of before the server's last start, and open its transcript.
function M.pick_run()
  command("inhouse.runs", { limit = 50, earlier = true }, function(runs)
    if #runs == 0 then return vim.notify("There is no run yet.") end
    vim.ui.select(runs, {
      prompt = "Run",
      format_item = function(one)
        return one.agent .. "  " .. one.status .. "  " .. short(one.prompt:gsub("%s+", " "), 60)
      end,
    }, function(one)
      if one then command("inhouse.transcript", { runId = one.runId }) end
    end)
  end)
end

--- Whether a file is the document of a session.
local function document_of(name)
  return name:match("[/\\]sessions[/\\](s%-%x+)%.md$")
end

--- Go on with a conversation: that of this buffer, else the one spoken to last, else the newest.
function M.reply(prompt, range)
  local name = vim.api.nvim_buf_get_name(0)
  local session = vim.b.inhouse_session or document_of(name) or last_session
  if not session then
    return command("inhouse.sessions", { limit = 1 }, function(sessions)
      if #sessions == 0 then return vim.notify("There is no conversation yet.  :InhouseRun starts one.") end
      last_session = sessions[1].id
      M.reply(prompt, range)
    end)
  end
  if not prompt or prompt == "" then
    return vim.ui.input({ prompt = "Reply: " }, function(text)
      if text and text ~= "" then M.reply(text, range) end
    end)
  end
  local argument, server = { session = session, prompt = prompt }, client()
  if range and is_served(vim.api.nvim_get_current_buf(), server) then
    argument.uri, argument.range = vim.uri_from_bufnr(0), range
  end
  start(argument, server)
end

--- Pick a conversation and open its document: what is written at its end is the next prompt.
function M.pick_session()
  command("inhouse.sessions", { limit = 50 }, function(sessions)
    if #sessions == 0 then return vim.notify("There is no conversation yet.  :InhouseRun starts one.") end
    vim.ui.select(sessions, {
      prompt = "Session",
      format_item = function(one)
        return short(one.title, 60) .. "  (" .. one.agent .. ", " .. plural(one.turns, "turn") .. ", " .. one.status .. ")"
      end,
    }, function(one)
      if not one then return end
      last_session = one.id
      command("inhouse.session.open", { session = one.id })
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

-- Review: what waits, and what to do about it.

--- Every change that waits, in the order of files and lines.
local function hunks()
  local found = {}
  for id, each in pairs(waiting) do
    for _, hunk in ipairs(each) do
      table.insert(found, vim.tbl_extend("force", hunk, { client = id }))
    end
  end
  table.sort(found, function(one, other)
    local first, second = one.range and one.range.start.line or 0, other.range and other.range.start.line or 0
    if one.uri == other.uri then return first < second end
    return one.uri < other.uri
  end)
  return found
end

local function of_buffer(buffer)
  local uri = vim.uri_from_bufnr(buffer)
  return vim.tbl_filter(function(hunk) return hunk.uri == uri end, hunks())
end

--- The change that the cursor stands on; else the only one of this file.
local function here()
  local line = vim.api.nvim_win_get_cursor(0)[1] - 1
  local own = of_buffer(vim.api.nvim_get_current_buf())
  for _, hunk in ipairs(own) do
    local range = hunk.range
    if range and line >= range.start.line and line <= math.max(range.start.line, range["end"].line - 1) then
      return hunk
    end
  end
  return #own == 1 and own[1] or nil
end

--- Ask every server what waits now: what was typed has moved it.
local function fresh(done)
  local clients = vim.lsp.get_clients({ name = "inhouse" })
  local left = #clients
  if left == 0 then return done() end
  for _, server in ipairs(clients) do
    local function answered(found)
      waiting[server.id] = found or waiting[server.id]
      left = left - 1
      if left == 0 then done() end
    end
    command("inhouse.edits", vim.empty_dict(), answered, answered, server)
  end
end

--- Go to the next change that waits (`step` 1) or the one before (-1), in any file.
local function go(step)
  local all = hunks()
  if #all == 0 then return vim.notify("No change is waiting.") end
  local uri, line = vim.uri_from_bufnr(0), vim.api.nvim_win_get_cursor(0)[1] - 1
  local function after(hunk)
    local at = hunk.range and hunk.range.start.line or 0
    if hunk.uri ~= uri then return hunk.uri > uri end
    return at > line
  end
  local function before(hunk)
    local at = hunk.range and hunk.range.start.line or 0
    if hunk.uri ~= uri then return hunk.uri < uri end
    return at < line
  end
  local target
  if step > 0 then
    target = vim.iter(all):find(after) or all[1]
  else
    target = vim.iter(all):rev():find(before) or all[#all]
  end
  if vim.w.inhouse_transcript then vim.cmd.wincmd("p") end
  if target.uri ~= vim.uri_from_bufnr(0) then vim.cmd.edit(vim.fn.fnameescape(vim.uri_to_fname(target.uri))) end
  local last = vim.api.nvim_buf_line_count(0)
  vim.api.nvim_win_set_cursor(0, { math.min((target.range and target.range.start.line or 0) + 1, last), 0 })
end

function M.go(step)
  fresh(function() go(step) end)
end

--- Apply or reject the change at the cursor, or with `all` every change of this file.
local function decide(what, all)
  local own = of_buffer(vim.api.nvim_get_current_buf())
  local hunk = not all and here() or nil
  if #own == 0 then return vim.notify("No change is waiting in this file.  :InhouseNext goes to the next one.") end
  if not all and not hunk then
    return vim.notify("No change is waiting on this line.  :InhouseNext goes to one; add ! for all changes in this file.")
  end
  local argument = all and { uri = own[1].uri } or { hunk = hunk.id }
  command("inhouse.edits." .. what, argument, function(result)
    for _, problem in ipairs(result.problems or {}) do vim.notify(problem, vim.log.levels.WARN) end
  end, nil, vim.lsp.get_client_by_id(own[1].client))
end

function M.decide(what, all)
  fresh(function() decide(what, all) end)
end

--- Show this file beside what it would be, as Neovim's own diff.
function M.diff()
  local own = of_buffer(vim.api.nvim_get_current_buf())
  if #own == 0 then return vim.notify("No change is waiting in this file.  :InhouseNext goes to the next one.") end
  local filetype, name = vim.bo.filetype, vim.fs.basename(vim.uri_to_fname(own[1].uri))
  command("inhouse.edits.preview", { uri = own[1].uri }, function(result)
    local buffer = vim.api.nvim_create_buf(false, true)
    local text = vim.split(result.proposed or "", "\n", { plain = true })
    if text[#text] == "" then table.remove(text) end
    vim.api.nvim_buf_set_lines(buffer, 0, -1, false, text)
    vim.bo[buffer].filetype, vim.bo[buffer].modifiable, vim.bo[buffer].bufhidden = filetype, false, "wipe"
    local source = vim.api.nvim_get_current_win()
    local cursor = vim.api.nvim_win_get_cursor(source)
    vim.cmd.diffthis()
    local window = vim.api.nvim_open_win(buffer, true, { split = "right", win = source })
    -- The windows of a diff move together, the other one to this one's line.
    vim.api.nvim_win_set_cursor(window, { math.min(cursor[1], math.max(#text, 1)), 0 })
    vim.wo[window].winbar = "proposed: " .. name:gsub("%%", "%%%%")
    vim.cmd.diffthis()
    vim.keymap.set("n", "q", "<cmd>close<cr>", { buffer = buffer, desc = "Close the diff" })
    vim.api.nvim_create_autocmd("BufWipeout", { buffer = buffer, once = true, callback = function()
      if vim.api.nvim_win_is_valid(source) then
        vim.api.nvim_win_call(source, function() vim.cmd.diffoff() end)
        vim.api.nvim_win_set_cursor(source, cursor)
      end
    end })
  end, nil, vim.lsp.get_client_by_id(own[1].client))
end

local GOING = {
  { "]i", function() M.go(1) end, "Next change that waits" },
  { "[i", function() M.go(-1) end, "Previous change that waits" },
}
local DECIDING = {
  { "<leader>ia", function() M.decide("apply") end, "Apply this change" },
  { "<leader>ir", function() M.decide("reject") end, "Reject this change" },
  { "<leader>id", function() M.diff() end, "Show the changes as a diff" },
}

--- Keys only while a change waits, so that they mean what they meant at any other time.
local function keys(buffer, name, list, wanted)
  if not M.options.keys or not vim.api.nvim_buf_is_loaded(buffer) or vim.b[buffer][name] == wanted then return end
  vim.b[buffer][name] = wanted
  for _, key in ipairs(list) do
    if wanted then
      vim.keymap.set("n", key[1], key[2], { buffer = buffer, desc = key[3] })
    else
      pcall(vim.keymap.del, "n", key[1], { buffer = buffer })
    end
  end
end

--- Take away signs of changes that are decided: an undo of the text brings them back.
local function tidy_signs(server, buffer)
  local namespace = vim.lsp.diagnostic.get_namespace(server.id)
  local left = vim.tbl_filter(function(one)
    return one.code ~= "proposed-edit" and one.code ~= "stale-edit"
  end, vim.diagnostic.get(buffer, { namespace = namespace }))
  vim.diagnostic.reset(namespace, buffer)
  vim.diagnostic.set(namespace, buffer, left)
end

--- Ask what waits, and make signs, keys and status line say the same.
local function refresh(server)
  command("inhouse.edits", vim.empty_dict(), function(found)
    local before = #(waiting[server.id] or {})
    waiting[server.id] = found
    local with = {}
    for _, hunk in ipairs(found) do with[hunk.uri] = true end
    for buffer in pairs(server.attached_buffers) do
      local has = with[vim.uri_from_bufnr(buffer)] or false
      if not has and vim.b[buffer].inhouse_waits then tidy_signs(server, buffer) end
      if has then vim.b[buffer].inhouse_waits = true end
      keys(buffer, "inhouse_going", GOING, #found > 0)
      keys(buffer, "inhouse_deciding", DECIDING, has)
    end
    if #found > before then
      vim.notify(table.concat(waits(), ", ") .. ".  " .. (M.options.keys and "]i" or ":InhouseNext") .. " goes there.")
    end
    vim.cmd.redrawstatus({ bang = true })
  end, nil, server)
end

local attach

--- The server has ended: say so where its runs are shown, and start it again after a crash.
local function ended(answered, code, signal)
  for _, run in pairs(M.runs) do
    if not run.result then
      run.result = { status = "failed" }
      append(run.buffer, "\n\n**The server stopped.  The text so far is above.**\n")
    end
  end
  if (code == 0 and signal == 0) or vim.v.exiting ~= vim.NIL then return end
  working = {}
  if not answered then -- Neovim itself has told how it ended and where the log is.
    return vim.notify("Inhouse exited right after starting.  Fix the cause (:checkhealth inhouse), then run :edit to try again.", vim.log.levels.ERROR)
  end
  local now = vim.uv.now()
  crashes = vim.tbl_filter(function(when) return now - when < 180000 end, crashes)
  table.insert(crashes, now)
  if #crashes > 4 then
    return vim.notify("Inhouse crashed 5 times in 3 minutes and stays stopped.  Run :edit to start it again.", vim.log.levels.ERROR)
  end
  vim.defer_fn(function() -- Until then Neovim would still hand out the client that has ended.
    for _, buffer in ipairs(vim.api.nvim_list_bufs()) do
      if vim.api.nvim_buf_is_loaded(buffer) then attach(buffer) end
    end
    vim.notify("Inhouse crashed and was restarted.", vim.log.levels.WARN)
  end, 1000)
end

local function changed(_, params, context)
  local server = vim.lsp.get_client_by_id(context.client_id)
  if server and vim.list_contains(params.lists or {}, "edits") then refresh(server) end
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

--- Go to the end of a session's document with the text, where the cursor stands at the end already.
local function follow_document(buffer)
  vim.api.nvim_buf_attach(buffer, false, {
    on_lines = function(_, _, _, first, last, now, _)
      if now <= last or vim.api.nvim_get_mode().mode ~= "n" then return end
      for _, window in ipairs(vim.fn.win_findbuf(buffer)) do
        local line = vim.api.nvim_win_get_cursor(window)[1]
        local before = vim.api.nvim_buf_line_count(buffer) - (now - last)
        if first + 1 >= line and before - line <= 2 then
          vim.schedule(function()
            if vim.api.nvim_win_is_valid(window) and vim.api.nvim_win_get_buf(window) == buffer then
              vim.api.nvim_win_set_cursor(window, { vim.api.nvim_buf_line_count(buffer), 0 })
            end
          end)
        end
      end
    end,
  })
end

function attach(buffer)
  if vim.bo[buffer].buftype ~= "" or vim.api.nvim_buf_get_name(buffer) == "" then return end
  if document_of(vim.api.nvim_buf_get_name(buffer)) then -- It belongs to the server that wrote it.
    local server = client(buffer)
    if server and not vim.lsp.buf_is_attached(buffer, server.id) then
      follow_document(buffer)
      vim.lsp.buf_attach_client(buffer, server.id)
    end
    if server then return end
  end
  if vim.fn.executable(M.options.cmd[1]) == 0 then
    local missing = "Inhouse: there is no program %s. Install Inhouse, or name its program: setup({ cmd = … })."
    return vim.notify_once(missing:format(M.options.cmd[1]), vim.log.levels.ERROR)
  end
  local answered = false
  vim.lsp.start({
    name = "inhouse",
    cmd = M.options.cmd,
    root_dir = vim.fs.root(buffer, { ".agents", "inhouse.toml", ".git" }) or vim.fn.getcwd(),
    settings = { inhouse = M.options.settings },
    init_options = { trusted = M.options.trusted, inhouse = M.options.settings, draws = { "freeText", "lists" }, offers = { "diagnostics" } },
    handlers = {
      ["$/progress"] = progress,
      ["inhouse/changed"] = changed,
      ["inhouse/diagnostics"] = diagnostics,
      ["window/showMessageRequest"] = ask_choice,
    },
    on_init = function(server)
      answered = true
      vim.defer_fn(function() refresh(server) end, 200)
    end,
    on_exit = function(code, signal, id)
      waiting[id] = nil
      vim.schedule(function() ended(answered, code, signal) end)
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
  vim.api.nvim_create_autocmd("BufEnter", {
    group = "inhouse",
    callback = function(event)
      local is_file = vim.bo[event.buf].buftype == "" and not document_of(vim.api.nvim_buf_get_name(event.buf))
      if is_file then last_file = event.buf end
    end,
  })
  -- An undo moves signs back to where they stood, also those of changes that are decided.
  vim.api.nvim_create_autocmd("TextChanged", {
    group = "inhouse",
    callback = function(event)
      local tree = vim.fn.undotree(event.buf)
      local server = vim.lsp.get_clients({ name = "inhouse", bufnr = event.buf })[1]
      if server and tree.seq_cur < tree.seq_last then vim.defer_fn(function() refresh(server) end, 300) end
    end,
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
  vim.api.nvim_create_user_command("InhouseReply", function(given)
    local range = given.range > 0 and {
      start = { line = given.line1 - 1, character = 0 },
      ["end"] = { line = given.line2, character = 0 },
    } or nil
    M.reply(given.args, range)
  end, { nargs = "*", range = true, desc = "Continue a conversation" })
  vim.api.nvim_create_user_command("InhouseSessions", M.pick_session, { desc = "Open a conversation" })
  vim.api.nvim_create_user_command("InhouseRuns", M.pick_run, { desc = "Open a run's transcript" })
  vim.api.nvim_create_user_command("InhouseCancel", function(given) M.cancel(given.bang) end, { bang = true, desc = "Cancel a run; with !, all runs" })
  vim.api.nvim_create_user_command("InhouseTranscript", function()
    local window = transcript_window()
    if window then return vim.api.nvim_set_current_win(window) end
    local newest = M.runs["inhouse-nvim-" .. serial]
    if newest then show_transcript(newest.buffer, newest.agent) else M.pick_run() end
  end, { desc = "Show the newest transcript, or go to it" })
  vim.api.nvim_create_user_command("InhouseNext", function() M.go(1) end, { desc = "Go to the next waiting change" })
  vim.api.nvim_create_user_command("InhousePrevious", function() M.go(-1) end, { desc = "Go to the previous waiting change" })
  vim.api.nvim_create_user_command("InhouseDiff", M.diff, { desc = "Show the changes of this file as a diff" })
  vim.api.nvim_create_user_command("InhouseApply", function(given) M.decide("apply", given.bang) end, { bang = true, desc = "Apply the change here; with ! all of this file" })
  vim.api.nvim_create_user_command("InhouseReject", function(given) M.decide("reject", given.bang) end, { bang = true, desc = "Reject the change here; with ! all of this file" })
end

return M
