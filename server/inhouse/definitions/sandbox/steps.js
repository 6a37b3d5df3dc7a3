// Drives one handleSteps generator.  The state's texts stay texts until somebody looks at them:
// most generators never look at a message history of a megabyte, and those that do get their
// own copy at every resume, as they would have got from JSON.
((most) => {
  "use strict";
  const { apply, defineProperty } = Reflect;
  const { parse, stringify } = JSON;
  const { join, slice } = Array.prototype;
  const makeText = String;
  const evaluate = globalThis.eval;
  const Problem = TypeError;

  let history = [];
  let rest = "{}";
  let lines = [];
  let generator;
  let next;

  // pieces: [how many messages are kept, the other fields as text, new messages as texts…]
  const take = (pieces) => {
    // An earlier state may not have been looked at yet: what it knows must stay.
    if (pieces[0] < history.length) history = apply(slice, history, [0, pieces[0]]);
    rest = pieces[1];
    for (let i = 2; i < pieces.length; i++) history[history.length] = pieces[i];
  };
  const lazily = (target, name, make) =>
    defineProperty(target, name, {
      configurable: true,
      enumerable: true,
      get() {
        const value = make();
        defineProperty(target, name, { value, configurable: true, enumerable: true, writable: true });
        return value;
      },
      set(value) {
        defineProperty(target, name, { value, configurable: true, enumerable: true, writable: true });
      },
    });
  const state = (known, count, others) => {
    const value = parse(others);
    const messages = () => parse(`[${apply(join, apply(slice, known, [0, count]), [","])}]`);
    lazily(value, "messageHistory", messages);
    return value;
  };
  const withState = (target) => {
    const known = history, count = history.length, others = rest;
    lazily(target, "agentState", () => state(known, count, others));
    return target;
  };

  const show = (value) => {
    if (typeof value === "string") return value;
    if (value instanceof Error) return `${value.name}: ${value.message}`;
    try {
      return stringify(value) ?? makeText(value);
    } catch {
      return "[cannot be shown]";
    }
  };
  const log = (level) => (...values) => {
    if (lines.length >= 200) return;
    let text = "";
    // Loggers are called with (data, message) as well as (message, data).
    for (let i = 0; i < values.length; i++) text += (i ? " " : "") + show(values[i]);
    lines[lines.length] = [level, text.length > 10000 ? `${apply(sliceText, text, [0, 10000])}…` : text];
  };
  const sliceText = String.prototype.slice;
  const levels = () => ({
    debug: log("debug"), info: log("info"), warn: log("warn"), error: log("error"),
    log: log("info"), trace: log("debug"),
  });
  globalThis.console = levels();
  globalThis.process = { env: {}, argv: [], execArgv: [], versions: {} };

  const answer = (done, value) => {
    const text = stringify(value === undefined ? null : value);
    const logged = stringify(lines);
    lines = [];
    if (text === undefined) throw new Problem("yielded a function or a symbol");
    if (text.length > most) throw new RangeError(`yielded ${text.length} characters: ${most} at most`);
    return `${done ? "D" : "Y"}${logged.length} ${logged}${text}`;
  };

  const open = (source, context, pieces) => {
    const make = evaluate(`(${source}\n)`);
    if (typeof make !== "function") throw new Problem("handleSteps is no function");
    take(pieces);
    const { prompt, params, model } = parse(context);
    generator = make(withState({
      prompt: prompt ?? undefined, params: params ?? undefined, model, logger: levels(),
    }));
    next = generator?.next;
    if (typeof next !== "function" || typeof generator[Symbol.asyncIterator] === "function") {
      throw new Problem("handleSteps must be a generator: function* ({ agentState, prompt, params }) { … }");
    }
    return "";
  };
  const resume = (pieces, received) => {
    if (pieces === null) {
      const first = apply(next, generator, []);
      return answer(first.done, first.value);
    }
    take(pieces);
    const { done, value } = apply(next, generator, [withState(parse(received))]);
    return answer(done, value);
  };
  const flush = () => {
    const logged = stringify(lines);
    lines = [];
    return logged;
  };
  return { open, resume, flush };
})
