// Gives the interpreter what polyfills.js has, each when it is first used: most definitions use
// none of it, and every interpreter begins as a copy of this one's memory.
((source) => {
  "use strict";
  const { defineProperty } = Reflect;
  const evaluate = globalThis.eval;
  let made;
  const all = () => (made ??= evaluate(source)());
  const set = (name, value) =>
    defineProperty(globalThis, name, { value, configurable: true, enumerable: false, writable: true });
  const names = [
    "TextEncoder", "TextDecoder", "URL", "URLSearchParams", "crypto", "structuredClone", "btoa", "atob",
    "setTimeout", "clearTimeout", "setInterval", "clearInterval", "setImmediate", "clearImmediate",
    "queueMicrotask", "Intl", "Buffer",
  ];
  for (const name of names) {
    if (name in globalThis && name !== "Intl") continue;
    defineProperty(globalThis, name, {
      configurable: true,
      enumerable: false,
      get() { const value = all().globals[name]; set(name, value); return value; },
      set(value) { set(name, value); },
    });
  }
  set("global", globalThis);
  const method = (prototype, name, value) =>
    defineProperty(prototype, name, { value, configurable: true, enumerable: false, writable: true });
  method(Date.prototype, "toLocaleDateString", function (l, o) { return all().locale.date(this, l, o); });
  method(Date.prototype, "toLocaleTimeString", function (l, o) { return all().locale.time(this, l, o); });
  method(Date.prototype, "toLocaleString", function (l, o) { return all().locale.both(this, l, o); });
  // As Node writes them in UTC.
  const { toString, toTimeString } = Date.prototype, { apply } = Reflect;
  const zoned = (plain) => function () {
    const text = apply(plain, this, []);
    return text === "Invalid Date" ? text : `${text} (Coordinated Universal Time)`;
  };
  method(Date.prototype, "toString", zoned(toString));
  method(Date.prototype, "toTimeString", zoned(toTimeString));
  method(String.prototype, "toLocaleLowerCase", function (l) { return all().locale.lower(`${this}`, l); });
  method(String.prototype, "toLocaleUpperCase", function (l) { return all().locale.upper(`${this}`, l); });
  method(Number.prototype, "toLocaleString", function (l, o) { return all().locale.number(this, l, o); });
  method(BigInt.prototype, "toLocaleString", function (l, o) { return all().locale.number(this, l, o); });
  method(String.prototype, "localeCompare", function (other, l, o) { return all().locale.compare(this, other, l, o); });
})
