// Runs before any foreign code and keeps the intrinsics it needs: what a definition does to
// JSON, Object.prototype and the like changes only what the definition itself gets to see.
// What comes out is text that Python reads as JSON, so a lie is still only data.
((mostValues, mostText, mostDepth, mostNames, absent, remedy, fields) => {
  "use strict";
  const { apply, ownKeys, getPrototypeOf, getOwnPropertyDescriptor: descriptor } = Reflect;
  const { stringify } = JSON;
  const { isArray, prototype: { join } } = Array;
  const { toString: sourceOf } = Function.prototype;
  const { includes } = String.prototype;
  const objectPrototype = Object.prototype;
  const promisePrototype = Promise.prototype;
  const { isFinite } = Number;
  const TooMuch = RangeError;
  const NoData = TypeError;
  const Problem = Error, NewMap = Map, mapGet = Map.prototype.get, mapSet = Map.prototype.set;
  const mapSize = (map) => apply(descriptor(Map.prototype, "size").get, map, []);
  const wholeNumber = Number, text = String, evaluateFunction = Function;
  const load = globalThis.__load;
  delete globalThis.__load;

  let values = 0;
  let length = 0;
  const count = (piece) => {
    values += 1;
    length += piece.length;
    if (values > mostValues) throw new TooMuch(`exports more than ${mostValues} values`);
    if (length > mostText) throw new TooMuch(`exports more than ${mostText} characters`);
    return piece;
  };
  const own = (key) => apply(includes, key, ["[native code]"]);

  const write = (value, key, parents, path) => {
    if (value !== null && typeof value === "object" && typeof value.toJSON === "function") {
      const plain = value.toJSON(key);
      // A date or a URL is no text where a field asks for one.
      value = typeof plain === "string" ? {} : plain;
    }
    if (value === null) return count("null");
    switch (typeof value) {
      case "boolean": return count(value ? "true" : "false");
      case "number": return count(isFinite(value) ? text(value) : "null");
      case "string":
        if (value.length > mostText) throw new TooMuch(`${path} has ${value.length} characters`);
        return count(stringify(value));
      case "bigint": {
        const number = wholeNumber(value);
        return count(isFinite(number) ? text(number) : "null");
      }
      case "function": {
        const absent = apply(mapGet, stubs, [value]);
        if (absent) throw new Problem(absent);
        if (key === "handleSteps") return count(stringify(generatorText(apply(sourceOf, value, []))));
        if (key !== "default" || parents.length > 1) return foreign(key, "a function");
        // A class may be a definition by its static fields; any other function is none.
        return descriptor(value, "id") ? writeObject(value, parents, path) : undefined;
      }
      case "symbol": return foreign(key, "a symbol");
      case "object": return writeObject(value, parents, path);
      default: return undefined;
    }
  };

  // What JSON has no word for is left out, but in a field of a definition somebody has to say so.
  const foreign = (key, what) => {
    return apply(includes, fields, [`,${key},`]) ? count(`{"\\u0000foreign":"${what}"}`) : undefined;
  };

  // `function *` and the like begin with `function*`, as the loader of Codebuff prints them.
  const spelled = /^function(?:\s|\/\*[^]*?\*\/|\/\/[^\n]*\n)*\*/;
  const { exec } = RegExp.prototype;
  const { slice } = String.prototype;
  const generatorText = (source) => {
    const found = apply(exec, spelled, [source]);
    return found ? `function*${apply(slice, source, [found[0].length])}` : source;
  };

  const writeObject = (value, parents, path) => {
    if (parents.length >= mostDepth) throw new NoData(`${path} is nested more than ${mostDepth} deep`);
    for (let i = 0; i < parents.length; i++) {
      if (parents[i] === value) throw new NoData(`${path} contains itself`);
    }
    parents[parents.length] = value;
    const pieces = [];
    if (isArray(value)) {
      const size = value.length;
      for (let i = 0; i < size; i++) {
        pieces[i] = write(value[i], text(i), parents, `${path}[${i}]`) ?? count("null");
      }
    } else {
      const keys = keysOf(value);
      for (let i = 0, n = 0; i < keys.length; i++) {
        const piece = write(value[keys[i]], keys[i], parents, `${path}.${keys[i]}`);
        if (piece !== undefined) pieces[n++] = `${count(stringify(keys[i]))}:${piece}`;
      }
    }
    parents.length -= 1;
    const inside = apply(join, pieces, [","]);
    return isArray(value) ? `[${inside}]` : `{${inside}}`;
  };

  // Own enumerable names; for an instance of a class also its getters and handleSteps.
  const keysOf = (value) => {
    const names = [];
    const seen = { __proto__: null };
    let n = 0;
    const take = (name) => {
      if (seen[name]) return;
      seen[name] = true;
      names[n++] = name;
      if (n > mostValues) throw new TooMuch(`exports more than ${mostValues} values`);
    };
    const keys = ownKeys(value);
    for (let i = 0; i < keys.length; i++) {
      if (typeof keys[i] === "string" && descriptor(value, keys[i])?.enumerable) take(keys[i]);
    }
    let prototype = getPrototypeOf(value);
    for (let depth = 0; prototype && prototype !== objectPrototype && depth < 8; depth++) {
      const inherited = ownKeys(prototype);
      for (let i = 0; i < inherited.length; i++) {
        const name = inherited[i];
        if (typeof name !== "string") continue;
        const found = descriptor(prototype, name);
        const getter = found?.get;
        if (getter && !own(apply(sourceOf, getter, []))) take(name);
        else if (name === "handleSteps" && typeof found?.value === "function") take(name);
      }
      prototype = getPrototypeOf(prototype);
    }
    return names;
  };

  // CommonJS: __commonjs(name, source) runs a module once and gives its exports.
  const modules = new NewMap();
  let failed = {};
  const commonjs = (name, source) => {
    const known = apply(mapGet, modules, [name]);
    if (known) return known.exports;
    const module = { exports: {}, id: name, filename: name, loaded: false, children: [], paths: [] };
    apply(mapSet, modules, [name, module]);
    const require = (specifier) => {
      const found = load(name, text(specifier));
      if (found.error) throw new Problem(found.error);
      if (found.json !== undefined) return JSON.parse(found.json);
      if (found.text !== undefined) return found.text;
      return commonjs(found.name, found.source);
    };
    require.cache = {};
    module.require = require;
    try {
      apply(evaluateFunction("exports", "require", "module", "__filename", source), module.exports, [
        module.exports, require, module, name,
      ]);
    } catch (error) {
      if (failed.error !== error) failed = { error, name };
      throw error;
    }
    module.loaded = true;
    return module.exports;
  };

  // The names that an ES module can import from a CommonJS one: every string key of what it
  // exports, once it has run.  Of functions and classes not what all of them have.
  const ofFunctions = { __proto__: null, length: 1, name: 1, prototype: 1, arguments: 1, caller: 1 };
  const exported = (name, source) => {
    const found = commonjs(name, source);
    const kind = typeof found;
    if (found === null || (kind !== "object" && kind !== "function")) return "[]";
    if (apply(mapGet, stubs, [found])) return "[]";
    const keys = ownKeys(found), names = [];
    for (let i = 0, n = 0; i < keys.length; i++) {
      const key = keys[i];
      if (typeof key !== "string") continue;
      if (kind === "function" && ofFunctions[key] && !descriptor(found, key)?.enumerable) continue;
      if (n >= mostNames) throw new TooMuch(`exports more than ${mostNames} names`);
      names[n++] = key;
    }
    return stringify(names);
  };

  // A getter may load what is not there: that matters to those alone who use it.
  const member = (found, key) => {
    try {
      return found[key];
    } catch (error) {
      return stub(`${error?.message ?? error}`);
    }
  };

  // A package that is not there: throws as soon as anything is done with it.
  const stubs = new NewMap();
  const stub = (message) => {
    const fail = (_, key) => {
      if (key === "then" || typeof key === "symbol") return undefined;
      throw new Problem(message);
    };
    const made = new Proxy(function () {}, {
      get: fail, set: fail, apply: fail, construct: fail, has: fail, ownKeys: fail,
    });
    apply(mapSet, stubs, [made, message]);
    return made;
  };

  // There is no environment, which is an empty one; whatever else a process could tell, throws.
  const known = { __proto__: null, env: {}, argv: [], execArgv: [], versions: {} };
  globalThis.process = new Proxy(known, {
    get(target, key) {
      if (typeof key === "symbol" || key in target) return target[key];
      throw new Problem(`'process.${key}' cannot be used: ${absent}`);
    },
  });

  // A module's own place, which Node and Bun tell it and nobody does here: `undefined` would only
  // fail later, or end up in a prompt.
  const { defineProperty } = Object;
  const places = ["url", "dir", "dirname", "file", "filename", "path", "resolve"];
  const meta = (own) => {
    own.env = known.env;
    for (let i = 0; i < places.length; i++) {
      const get = () => {
        throw new Problem(`'import.meta.${places[i]}' cannot be used: ${absent}.  ${remedy}`);
      };
      defineProperty(own, places[i], { get, configurable: true });
    }
  };

  globalThis.__inhouse = { commonjs, member, stub, meta };
  const quiet = () => {};
  globalThis.console = {
    log: quiet, info: quiet, warn: quiet, error: quiet, debug: quiet, trace: quiet, dir: quiet,
    table: quiet, group: quiet, groupEnd: quiet, assert: quiet, time: quiet, timeEnd: quiet,
  };

  const show = (namespace) => {
    values = length = 0;
    const { default: only } = namespace;
    if (only !== null && typeof only === "object" && getPrototypeOf(only) === promisePrototype) {
      throw new NoData("the default export is a Promise: write `export default await …`");
    }
    return write(namespace, "", [], "exports") ?? "{}";
  };
  // Which module threw last, and whether it is the only one whose code could have.
  const culprit = () => stringify([failed.name ?? "", mapSize(modules) === 1]);
  return { show, exported, culprit };
})
