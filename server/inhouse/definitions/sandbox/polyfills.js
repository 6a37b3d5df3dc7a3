// What JavaScript's hosts have and the bare interpreter has not: small, and pure.  Nothing here
// gives a wrong value in silence: what it does not know, it refuses by name.
(() => {
  "use strict";
  const fail = (text) => { throw new RangeError(`${text} is not known in this sandbox`); };

  class TextEncoder {
    get encoding() { return "utf-8"; }
    encode(text = "") {
      const bytes = unescape(encodeURIComponent(String(text).toWellFormed()));
      return Uint8Array.from(bytes, (one) => one.charCodeAt(0));
    }
  }
  class TextDecoder {
    constructor(label = "utf-8") {
      if (!/^utf-?8$/i.test(label)) fail(`The encoding ${label}`);
    }
    get encoding() { return "utf-8"; }
    decode(given = new Uint8Array()) {
      const b = new Uint8Array(given.buffer ?? given, given.byteOffset ?? 0, given.byteLength);
      let text = "";
      for (let i = 0; i < b.length;) {
        const first = b[i++];
        const more = first < 0x80 ? 0 : first < 0xc2 ? -1 : first < 0xe0 ? 1 : first < 0xf0 ? 2
          : first < 0xf5 ? 3 : -1;
        let code = more <= 0 ? first : first & (0x3f >> more);
        let taken = 0;
        for (; taken < more && (b[i] & 0xc0) === 0x80; taken++) code = (code << 6) | (b[i++] & 0x3f);
        const least = [0, 0x80, 0x800, 0x10000][Math.max(0, more)];
        const good = more >= 0 && taken === more && code >= least && code < 0x110000
          && !(code >= 0xd800 && code < 0xe000);
        text += good ? String.fromCodePoint(code) : "\ufffd";
      }
      return text.startsWith("\ufeff") ? text.slice(1) : text;
    }
  }

  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const btoa = (given) => {
    const text = String(given);
    let out = "";
    for (let i = 0; i < text.length; i += 3) {
      const codes = [text.charCodeAt(i), text.charCodeAt(i + 1), text.charCodeAt(i + 2)];
      if (codes.some((code) => code > 255)) throw new RangeError("btoa takes characters to 255");
      const bits = (codes[0] << 16) | ((codes[1] || 0) << 8) | (codes[2] || 0);
      out += letters[bits >> 18] + letters[(bits >> 12) & 63]
        + (i + 1 < text.length ? letters[(bits >> 6) & 63] : "=")
        + (i + 2 < text.length ? letters[bits & 63] : "=");
    }
    return out;
  };
  const atob = (given) => {
    const text = String(given).replace(/[\t\n\f\r ]/g, "").replace(/=+$/, "");
    let out = "", bits = 0, held = 0;
    for (const letter of text) {
      const value = letters.indexOf(letter);
      if (value < 0) throw new RangeError("atob takes base64 only");
      bits = (bits << 6) | value;
      held += 6;
      if (held >= 8) { held -= 8; out += String.fromCharCode((bits >> held) & 255); }
    }
    return out;
  };

  // The part of Node's Buffer that definitions use: texts to bytes and back, joined and compared.
  const binary = (text) => Uint8Array.from(text, (one) => one.charCodeAt(0) & 255);
  const readers = {
    utf8: (text) => new TextEncoder().encode(text),
    latin1: binary,
    base64: (text) => binary(atob(text.replace(/-/g, "+").replace(/_/g, "/").replace(/[^A-Za-z0-9+/]/g, ""))),
    hex: (text) => Uint8Array.from((/^(?:[0-9a-f]{2})*/i.exec(text)[0].match(/../g) ?? []), (pair) => parseInt(pair, 16)),
    utf16le: (text) => Uint8Array.from({ length: text.length * 2 }, (_, i) => (text.charCodeAt(i >> 1) >> (i % 2 ? 8 : 0)) & 255),
  };
  const letter = (bytes, mask = 255) => {
    let text = "";
    for (let i = 0; i < bytes.length; i++) text += String.fromCharCode(bytes[i] & mask);
    return text;
  };
  const writers = {
    utf8: (bytes) => {
      const text = new TextDecoder().decode(bytes);
      return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? `\ufeff${text}` : text;
    },
    latin1: letter,
    ascii: (bytes) => letter(bytes, 127),
    base64: (bytes) => btoa(letter(bytes)),
    base64url: (bytes) => btoa(letter(bytes)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, ""),
    hex: (bytes) => Array.from(bytes, (one) => one.toString(16).padStart(2, "0")).join(""),
    utf16le: (bytes) => {
      let text = "";
      for (let i = 0; i + 1 < bytes.length; i += 2) text += String.fromCharCode(bytes[i] | (bytes[i + 1] << 8));
      return text;
    },
  };
  readers.base64url = readers.base64;
  readers.ascii = readers.latin1;
  const encodingNames = { "utf-8": "utf8", binary: "latin1", ucs2: "utf16le", "ucs-2": "utf16le", "utf-16le": "utf16le" };
  const encoding = (given = "utf8") => {
    const name = String(given).toLowerCase();
    const known = encodingNames[name] ?? name;
    return Object.hasOwn(writers, known) ? known : fail(`The encoding ${given}`);
  };
  class BufferBytes extends Uint8Array {
    static get [Symbol.species]() { return BufferBytes; }
    static from(given, how, length) {
      if (typeof given === "string") return BufferBytes.over(readers[encoding(how)](given));
      if (given instanceof ArrayBuffer) return new BufferBytes(given, how, length);
      if (given?.type === "Buffer" && Array.isArray(given.data)) return BufferBytes.from(given.data);
      if (given === null || typeof given !== "object") {
        throw new TypeError("Buffer.from takes a string, an array, bytes or an ArrayBuffer");
      }
      return BufferBytes.over(Uint8Array.from(given));
    }
    static of(...given) { return BufferBytes.from(given); }
    static over(bytes) { return new BufferBytes(bytes.buffer, bytes.byteOffset, bytes.byteLength); }
    static alloc(size, what = 0, how) { return new BufferBytes(size).fill(what, how); }
    static allocUnsafe(size) { return new BufferBytes(size); }
    static isBuffer(given) { return given instanceof BufferBytes; }
    static isEncoding(given) { return Object.hasOwn(writers, encodingNames[String(given).toLowerCase()] ?? String(given).toLowerCase()); }
    static byteLength(given, how) {
      return typeof given === "string" ? readers[encoding(how)](given).length : given.byteLength;
    }
    static concat(list, length = list.reduce((sum, one) => sum + one.length, 0)) {
      const made = new BufferBytes(length);
      let at = 0;
      for (const one of list) {
        if (at >= length) break;
        made.set(one.length > length - at ? one.subarray(0, length - at) : one, at);
        at += one.length;
      }
      return made;
    }
    static compare(one, other) {
      for (let i = 0; i < Math.min(one.length, other.length); i++) {
        if (one[i] !== other[i]) return one[i] < other[i] ? -1 : 1;
      }
      return Math.sign(one.length - other.length);
    }
    slice(start, end) { return this.subarray(start, end); }
    fill(what, start, end) {
      if (typeof what !== "string") return super.fill(what, ...(typeof start === "number" ? [start, end] : []));
      const bytes = readers[encoding(typeof start === "string" ? start : undefined)](what);
      for (let i = 0; i < this.length; i++) this[i] = bytes.length ? bytes[i % bytes.length] : 0;
      return this;
    }
    toString(how, start = 0, end = this.length) { return writers[encoding(how)](super.subarray(start, end)); }
    toJSON() { return { type: "Buffer", data: Array.from(this) }; }
    equals(other) { return BufferBytes.compare(this, other) === 0; }
    compare(other) { return BufferBytes.compare(this, other); }
    indexOf(what, from = 0, how) {
      if (typeof what === "number") return super.indexOf(what & 255, from);
      const bytes = typeof what === "string" ? readers[encoding(how)](what) : what;
      for (let i = Math.max(0, from); i + bytes.length <= this.length; i++) {
        if (bytes.every((one, at) => this[i + at] === one)) return i;
      }
      return -1;
    }
    includes(what, from, how) { return this.indexOf(what, from, how) >= 0; }
    write(text, at = 0) {
      const bytes = readers.utf8(text).subarray(0, Math.max(0, this.length - at));
      this.set(bytes, at);
      return bytes.length;
    }
    copy(target, at = 0, start = 0, end = this.length) {
      const part = super.subarray(start, Math.min(end, start + target.length - at));
      target.set(part, at);
      return part.length;
    }
  }
  Object.defineProperty(BufferBytes, "name", { value: "Buffer" });
  for (const name of ["readUInt8", "readUInt16LE", "readUInt16BE", "readUInt32LE", "readUInt32BE", "readInt32LE", "readInt32BE",
    "writeUInt8", "writeUInt16LE", "writeUInt16BE", "writeUInt32LE", "writeUInt32BE", "writeInt32LE", "writeInt32BE", "swap16",
    "swap32", "lastIndexOf"]) {
    Object.defineProperty(BufferBytes.prototype, name, { value() { fail(`Buffer.${name}`); }, configurable: true });
  }

  const encode = (text) => encodeURIComponent(text)
    .replace(/%20/g, "+").replace(/[!'()~]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);
  const decode = (text) => {
    const plain = text.replace(/\+/g, " ");
    try { return decodeURIComponent(plain); } catch { return plain; }
  };
  class URLSearchParams {
    #pairs = [];
    #changed;
    constructor(given = "", changed) {
      this.#changed = typeof changed === "function" ? changed : () => {};
      if (typeof given === "string") {
        const text = given.startsWith("?") ? given.slice(1) : given;
        for (const part of text.split("&")) {
          if (!part) continue;
          const at = part.indexOf("=");
          const pair = at < 0 ? [part, ""] : [part.slice(0, at), part.slice(at + 1)];
          this.#pairs.push(pair.map(decode));
        }
      } else {
        const entries = typeof given[Symbol.iterator] === "function" ? given : Object.entries(given);
        for (const [key, value] of entries) this.#pairs.push([String(key), String(value)]);
      }
    }
    get size() { return this.#pairs.length; }
    get(key) { return this.#pairs.find((pair) => pair[0] === String(key))?.[1] ?? null; }
    getAll(key) { return this.#pairs.filter((pair) => pair[0] === String(key)).map((pair) => pair[1]); }
    has(key) { return this.#pairs.some((pair) => pair[0] === String(key)); }
    append(key, value) { this.#pairs.push([String(key), String(value)]); this.#changed(); }
    delete(key) { this.#pairs = this.#pairs.filter((pair) => pair[0] !== String(key)); this.#changed(); }
    set(key, value) {
      const found = this.#pairs.find((pair) => pair[0] === String(key));
      if (!found) return this.append(key, value);
      this.#pairs = this.#pairs.filter((pair) => pair[0] !== String(key) || pair === found);
      found[1] = String(value);
      this.#changed();
    }
    sort() { this.#pairs.sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0)); this.#changed(); }
    forEach(act) { for (const [key, value] of this.#pairs) act(value, key, this); }
    *entries() { for (const [key, value] of this.#pairs) yield [key, value]; }
    *keys() { for (const [key] of this.#pairs) yield key; }
    *values() { for (const [, value] of this.#pairs) yield value; }
    [Symbol.iterator]() { return this.entries(); }
    toString() { return this.#pairs.map((pair) => pair.map(encode).join("=")).join("&"); }
  }

  const ports = { "http:": "80", "https:": "443", "ws:": "80", "wss:": "443", "ftp:": "21" };
  const whole = /^([a-z][a-z0-9+.-]*:)(?:\/\/(?:([^/?#@]*)@)?(\[[^\]]*\]|[^/?#:]*)(?::(\d*))?)?([^?#]*)(\?[^#]*)?(#.*)?$/i;
  const dots = (path) => {
    const out = [];
    const parts = path.split("/").slice(1);
    parts.forEach((part, at) => {
      if (/^(\.|%2e){2}$/i.test(part)) { out.pop(); if (at === parts.length - 1) out.push(""); }
      else if (/^(\.|%2e)$/i.test(part)) { if (at === parts.length - 1) out.push(""); }
      else out.push(part);
    });
    return `/${out.join("/")}`;
  };
  const escaped = (text) => encodeURI(text).replace(/%25([0-9a-f]{2})/gi, "%$1").replace(/%5B/g, "[").replace(/%5D/g, "]");
  class URL {
    constructor(given, base) {
      let text = String(given).trim();
      let found = whole.exec(text);
      if (!found && base !== undefined) {
        const from = new URL(base);
        const root = `${from.protocol}//${from.username ? `${from.username}${from.password ? `:${from.password}` : ""}@` : ""}${from.host}`;
        if (text.startsWith("//")) text = from.protocol + text;
        else if (text.startsWith("/")) text = root + text;
        else if (text.startsWith("?")) text = root + from.pathname + text;
        else if (text.startsWith("#") || text === "") text = root + from.pathname + from.search + text;
        else text = root + from.pathname.replace(/[^/]*$/, "") + text;
        found = whole.exec(text);
      }
      if (!found) throw new TypeError(`Invalid URL: ${given}`);
      this.protocol = found[1].toLowerCase();
      const known = this.protocol in ports;
      if (known && !found[3]) throw new TypeError(`Invalid URL: ${given}`);
      if (/[^\x21-\x7e]/.test(found[3] ?? "")) fail(`The host ${found[3]} (not ASCII)`);
      [this.username, this.password] = [...(found[2] ?? "").split(/:(.*)/s), ""];
      this.hostname = (found[3] ?? "").toLowerCase();
      this.port = found[4] === ports[this.protocol] ? "" : found[4] ?? "";
      this.pathname = escaped(known || found[3] !== undefined ? dots(found[5] || "/") : found[5]);
      this.search = found[6] && found[6] !== "?" ? escaped(found[6]) : "";
      this.hash = found[7] && found[7] !== "#" ? escaped(found[7]) : "";
      Object.defineProperty(this, "searchParams", { value: new URLSearchParams(this.search, () => {
        const query = this.searchParams.toString();
        this.search = query ? `?${query}` : "";
      }) });
      this.slashes = known || found[3] !== undefined;
      Object.defineProperty(this, "slashes", { enumerable: false });
    }
    get host() { return this.hostname + (this.port ? `:${this.port}` : ""); }
    get origin() { return this.protocol in ports ? `${this.protocol}//${this.host}` : "null"; }
    get href() {
      const user = this.username ? `${this.username}${this.password ? `:${this.password}` : ""}@` : "";
      const place = this.slashes ? `//${user}${this.host}` : "";
      return this.protocol + place + this.pathname + this.search + this.hash;
    }
    toString() { return this.href; }
    toJSON() { return this.href; }
    static canParse(given, base) { try { new URL(given, base); return true; } catch { return false; } }
    static parse(given, base) { try { return new URL(given, base); } catch { return null; } }
  }

  const crypto = {
    getRandomValues(array) {
      for (let i = 0; i < array.length; i++) array[i] = Math.floor(Math.random() * 2 ** 32);
      return array;
    },
    randomUUID() {
      const hex = Array.from({ length: 32 }, () => Math.floor(Math.random() * 16));
      hex[12] = 4;
      hex[16] = 8 + (hex[16] & 3);
      const text = hex.map((one) => one.toString(16)).join("");
      return [text.slice(0, 8), text.slice(8, 12), text.slice(12, 16), text.slice(16, 20), text.slice(20)].join("-");
    },
  };

  const structuredClone = (given) => {
    const seen = new Map();
    const copy = (value) => {
      if (typeof value === "function" || typeof value === "symbol") {
        throw new TypeError(`${String(value).slice(0, 40)} could not be cloned`);
      }
      if (value === null || typeof value !== "object") return value;
      if (seen.has(value)) return seen.get(value);
      const keep = (made) => { seen.set(value, made); return made; };
      if (value instanceof Date) return keep(new Date(value.getTime()));
      if (value instanceof RegExp) return keep(new RegExp(value.source, value.flags));
      if (value instanceof Error) return keep(Object.assign(new Error(value.message), { name: value.name }));
      if (value instanceof ArrayBuffer) return keep(value.slice(0));
      if (ArrayBuffer.isView(value)) return keep(new value.constructor(value));
      if (value instanceof Map) {
        const made = keep(new Map());
        for (const [key, each] of value) made.set(copy(key), copy(each));
        return made;
      }
      if (value instanceof Set) {
        const made = keep(new Set());
        for (const each of value) made.add(copy(each));
        return made;
      }
      const made = keep(Array.isArray(value) ? [] : {});
      for (const key of Object.keys(value)) made[key] = copy(value[key]);
      return made;
    };
    return copy(given);
  };

  // Numbers and dates, in American English alone, and in UTC: others are refused, never guessed.
  const english = (locales) => {
    const first = Array.isArray(locales) ? locales[0] : locales;
    if (first !== undefined && !/^en(-US)?$/i.test(first)) fail(`The language ${first}`);
  };
  const only = (options, names) => {
    for (const name of Object.keys(options ?? {})) {
      if (options[name] !== undefined && !names.includes(name)) fail(`The option ${name} of Intl`);
    }
  };
  const signs = { USD: "$", EUR: "€", GBP: "£", JPY: "¥" };
  class NumberFormat {
    constructor(locales, options = {}) {
      english(locales);
      only(options, ["style", "currency", "minimumFractionDigits", "maximumFractionDigits", "useGrouping"]);
      const { style = "decimal", currency } = options;
      if (!["decimal", "percent", "currency"].includes(style)) fail(`The style ${style}`);
      if (style === "currency" && !signs[currency]) fail(`The currency ${currency}`);
      const usual = style === "currency" ? (currency === "JPY" ? 0 : 2) : 0;
      const least = options.minimumFractionDigits ?? Math.min(usual, options.maximumFractionDigits ?? usual);
      const most = options.maximumFractionDigits ?? Math.max(least, style === "decimal" ? 3 : usual);
      this.rules = { style, currency, least, most, grouped: options.useGrouping !== false };
      Object.defineProperty(this, "rules", { enumerable: false });
      this.format = this.format.bind(this);
    }
    format(given) {
      if (typeof given === "bigint" && (given > 2n ** 53n || given < -(2n ** 53n))) fail("So large a number");
      const { style, currency, least, most, grouped } = this.rules;
      const value = Number(given) * (style === "percent" ? 100 : 1);
      if (Number.isNaN(value)) return "NaN";
      const size = Math.abs(value);
      let [digits, rest = ""] = size === Infinity ? ["∞"] : rounded(size, most).split(".");
      while (rest.length > least && rest.endsWith("0")) rest = rest.slice(0, -1);
      if (grouped) digits = digits.replace(/\B(?=(\d{3})+$)/g, ",");
      const sign = value < 0 || Object.is(value, -0) ? "-" : "";
      return `${sign}${signs[currency] ?? ""}${digits}${rest ? `.${rest}` : ""}${style === "percent" ? "%" : ""}`;
    }
  }
  const rounded = (size, most) => {
    if (size >= 1e21) fail("A number of more than 21 digits");
    // Half away from zero, of the decimal digits that are written, as Intl does.
    const [whole, rest = ""] = String(size).includes("e") ? size.toFixed(most).split(".") : String(size).split(".");
    if (rest.length <= most) return rest.padEnd(most, "0") ? `${whole}.${rest.padEnd(most, "0")}` : whole;
    const up = rest[most] >= "5" ? 1n : 0n;
    const all = String(BigInt(whole + rest.slice(0, most)) + up).padStart(most + 1, "0");
    return most ? `${all.slice(0, -most)}.${all.slice(-most)}` : all;
  };
  const months = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];
  const days = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
  const styles = {
    date: {
      full: { weekday: "long", year: "numeric", month: "long", day: "numeric" },
      long: { year: "numeric", month: "long", day: "numeric" },
      medium: { year: "numeric", month: "short", day: "numeric" },
      short: { year: "2-digit", month: "numeric", day: "numeric" },
    },
    time: {
      medium: { hour: "numeric", minute: "2-digit", second: "2-digit" },
      short: { hour: "numeric", minute: "2-digit" },
    },
  };
  const dateParts = ["weekday", "year", "month", "day"], timeParts = ["hour", "minute", "second"];
  class DateTimeFormat {
    constructor(locales, options = {}, usual = dateParts.slice(1)) {
      english(locales);
      only(options, [...dateParts, ...timeParts, "hour12", "hourCycle", "timeZone", "timeZoneName", "dateStyle", "timeStyle"]);
      if (options.timeZone !== undefined && !/^(etc\/)?(utc|gmt)$/i.test(options.timeZone)) fail(`The time zone ${options.timeZone}`);
      let rules = { ...options };
      if (options.dateStyle || options.timeStyle) {
        const date = options.dateStyle && (styles.date[options.dateStyle] ?? fail(`The style ${options.dateStyle}`));
        const time = options.timeStyle && (styles.time[options.timeStyle] ?? fail(`The style ${options.timeStyle}`));
        rules = { ...rules, ...date, ...time, joined: /^(full|long)$/.test(options.dateStyle) ? " at " : ", " };
      } else if (![...dateParts, ...timeParts].some((name) => options[name])) {
        for (const name of usual) rules[name] = "numeric";
      }
      this.rules = rules;
      Object.defineProperty(this, "rules", { enumerable: false });
      this.format = this.format.bind(this);
    }
    resolvedOptions() { return { locale: "en-US", calendar: "gregory", numberingSystem: "latn", timeZone: "UTC" }; }
    format(given = new Date()) {
      const at = new Date(given);
      if (Number.isNaN(at.getTime())) throw new RangeError("Invalid time value");
      const { rules } = this;
      const two = (value) => String(value).padStart(2, "0");
      const number = (value, how) => (how === "2-digit" ? two(value % 100) : String(value));
      const year = rules.year && number(at.getUTCFullYear(), rules.year);
      const day = rules.day && number(at.getUTCDate(), rules.day);
      const weekday = rules.weekday && (rules.weekday === "long" ? days[at.getUTCDay()]
        : rules.weekday === "short" ? days[at.getUTCDay()].slice(0, 3) : fail(`The weekday ${rules.weekday}`));
      let date = "";
      if (rules.month === "long" || rules.month === "short") {
        const name = months[at.getUTCMonth()];
        const month = rules.month === "long" ? name : name.slice(0, 3);
        date = [weekday, [month, day].filter(Boolean).join(" "), year].filter(Boolean).join(", ");
        if (!day) date = [weekday, [month, year].filter(Boolean).join(" ")].filter(Boolean).join(", ");
      } else {
        if (rules.month && !/^(numeric|2-digit)$/.test(rules.month)) fail(`The month ${rules.month}`);
        const month = rules.month && number(at.getUTCMonth() + 1, rules.month);
        date = [weekday, [month, day, year].filter(Boolean).join("/")].filter(Boolean).join(", ");
      }
      let time = "";
      if (rules.hour || rules.minute || rules.second) {
        const day24 = rules.hour12 === false || /^h23$/.test(rules.hourCycle ?? "");
        const hours = at.getUTCHours();
        const hour = rules.hour && (day24 ? two(hours) : number(hours % 12 || 12, rules.hour));
        const minute = rules.minute && (rules.hour || rules.second ? two(at.getUTCMinutes()) : String(at.getUTCMinutes()));
        const second = rules.second && (rules.minute ? two(at.getUTCSeconds()) : String(at.getUTCSeconds()));
        time = [hour, minute, second].filter(Boolean).join(":") + (rules.hour && !day24 ? (hours < 12 ? "\u202fAM" : "\u202fPM") : "");
        if (rules.timeZoneName === "short") time += " UTC";
        else if (rules.timeZoneName) fail(`The time zone's name ${rules.timeZoneName}`);
      }
      return [date, time].filter(Boolean).join(rules.joined ?? ", ");
    }
  }
  const refused = (name) => class { constructor() { fail(`Intl.${name}`); } };
  class Collator {
    constructor(locales, options = {}) {
      english(locales);
      this.compare = (one, other) => compare(one, other, locales, options);
    }
  }
  const Intl = { NumberFormat, DateTimeFormat, Collator };
  for (const name of ["ListFormat", "PluralRules", "RelativeTimeFormat", "Segmenter", "DisplayNames", "DurationFormat"]) {
    Intl[name] = refused(name);
  }
  for (const kind of [NumberFormat, DateTimeFormat]) {
    Object.defineProperty(kind, "supportedLocalesOf", { value: () => ["en-US"] });
  }

  // Punctuation, digits, letters; then accents; then small letters before large ones.
  const rank = (one) => (/[\p{L}]/u.test(one) ? 2 : /[\p{N}]/u.test(one) ? 1 : 0);
  const bare = (text) => text.normalize("NFD").replace(/\p{M}/gu, "");
  const ordered = (one, other, numeric) => {
    const cut = (text) => text.match(numeric ? /\d+|./gsu : /./gsu) ?? [];
    const a = cut(one), b = cut(other);
    for (let i = 0; i < Math.min(a.length, b.length); i++) {
      if (a[i] === b[i]) continue;
      const ranks = rank(a[i][0]) - rank(b[i][0]);
      if (ranks) return Math.sign(ranks);
      const numbers = numeric && /\d/.test(a[i]) ? Number(a[i]) - Number(b[i]) : 0;
      return numbers ? Math.sign(numbers) : a[i] < b[i] ? -1 : 1;
    }
    return Math.sign(a.length - b.length);
  };
  const compare = (one, given, locales, options = {}) => {
    english(locales);
    only(options, ["numeric", "sensitivity"]);
    const a = String(one), b = String(given), { numeric = false, sensitivity = "variant" } = options;
    if (/[^\u0000-\u024f\u1e00-\u1eff\u2000-\u206f\p{M}]/u.test(a + b)) {
      if (a === b) return 0;
      fail("The order of letters that are not Latin");
    }
    const base = ordered(bare(a).toLowerCase(), bare(b).toLowerCase(), numeric);
    if (base || sensitivity === "base") return base;
    const accents = ordered(a.normalize("NFD").toLowerCase(), b.normalize("NFD").toLowerCase(), false);
    if (accents && sensitivity !== "case") return accents;
    if (sensitivity === "accent" || a === b) return 0;
    const swapped = (text) => [...text].map((c) => (c === c.toLowerCase() ? "0" : "1")).join("");
    return ordered(swapped(a), swapped(b), false);
  };

  const locale = {
    compare,
    number: (value, locales, options) => new NumberFormat(locales, options).format(value.valueOf()),
    date: (at, locales, options) => written(at, locales, options, dateParts.slice(1)),
    time: (at, locales, options) => written(at, locales, options, timeParts),
    both: (at, locales, options) => written(at, locales, options, [...dateParts.slice(1), ...timeParts]),
  };
  const written = (at, locales, options, usual) =>
    Number.isNaN(at.getTime()) ? "Invalid Date" : new DateTimeFormat(locales, options, usual).format(at);

  // Nothing waits here: a timer's turn comes, in order, as soon as everything else is done.
  let timers = [], last = 0, draining = false;
  const drain = () => {
    draining = false;
    const [next] = timers.sort((a, b) => a.due - b.due || a.id - b.id);
    if (!next) return;
    timers = timers.filter((each) => each !== next);
    wake();
    next.act();
  };
  const wake = () => { if (!draining && timers.length) { draining = true; Promise.resolve().then(drain); } };
  const setTimeout = (act, wait = 0, ...given) => {
    if (typeof act !== "function") throw new TypeError("setTimeout takes a function");
    const id = ++last;
    timers.push({ id, due: Math.max(0, Number(wait) || 0), act: () => act(...given) });
    wake();
    return id;
  };
  const clearTimeout = (id) => { timers = timers.filter((each) => each.id !== id); };
  const setInterval = () => fail("setInterval");

  return {
    locale,
    globals: {
      Buffer: BufferBytes, TextEncoder, TextDecoder, URL, URLSearchParams, crypto, structuredClone, btoa, atob, Intl,
      setTimeout, clearTimeout, setInterval, clearInterval: clearTimeout,
      setImmediate: (act, ...given) => setTimeout(act, 0, ...given), clearImmediate: clearTimeout,
      queueMicrotask: (act) => { Promise.resolve().then(act); },
    },
  };
})
