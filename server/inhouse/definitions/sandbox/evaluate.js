// Runs before any foreign code and keeps the intrinsics it needs: what a definition does to
// JSON, Object.prototype and the like changes only what the definition itself gets to see.
// What comes out is text that Python reads as JSON, so a lie is still only data.
((mostValues, mostText, mostDepth, absent) => {
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
      value = value.toJSON(key);
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
        return key === "handleSteps" ? count(stringify(apply(sourceOf, value, []))) : undefined;
      }
      case "object": return writeObject(value, parents, path);
      default: return undefined;
    }
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
  const commonjs = (name, source) => {
    const known = apply(mapGet, modules, [name]);
    if (known) return known.exports;
    const module = { exports: {}, id: name, filename: name };
    apply(mapSet, modules, [name, module]);
    const require = (specifier) => {
      const found = load(name, text(specifier));
      if (found.error) throw new Problem(found.error);
      if (found.json !== undefined) return JSON.parse(found.json);
      if (found.text !== undefined) return found.text;
      return commonjs(found.name, found.source);
    };
    apply(evaluateFunction("exports", "require", "module", "__filename", source), module.exports, [
      module.exports, require, module, name,
    ]);
    return module.exports;
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

  globalThis.__inhouse = { commonjs, stub };
  const quiet = () => {};
  globalThis.console = {
    log: quiet, info: quiet, warn: quiet, error: quiet, debug: quiet, trace: quiet, dir: quiet,
    table: quiet, group: quiet, groupEnd: quiet, assert: quiet, time: quiet, timeEnd: quiet,
  };

  return (namespace) => {
    values = length = 0;
    const { default: only } = namespace;
    if (only !== null && typeof only === "object" && getPrototypeOf(only) === promisePrototype) {
      throw new NoData("the default export is a Promise: write `export default await …`");
    }
    return write(namespace, "", [], "exports") ?? "{}";
  };
})
