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
  // How many bytes follow a first one, and what the next of them may be: as encoding.spec.whatwg.org.
  const following = (first) => first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
  const firsts = { 0xe0: [0xa0, 0xbf], 0xed: [0x80, 0x9f], 0xf0: [0x90, 0xbf], 0xf4: [0x80, 0x8f] };
  const utf8 = (b, fatal) => {
    let text = "";
    for (let i = 0; i < b.length;) {
      const first = b[i++];
      if (first < 0x80) { text += String.fromCharCode(first); continue; }
      let code = -1;
      if (first >= 0xc2 && first <= 0xf4) {
        const more = following(first);
        let [least, most] = firsts[first] ?? [0x80, 0xbf], taken = 0;
        code = first & (0x3f >> more);
        for (; taken < more && b[i] >= least && b[i] <= most; taken++) {
          code = (code << 6) | (b[i++] & 0x3f);
          [least, most] = [0x80, 0xbf];
        }
        if (taken < more) code = -1;
      }
      if (code < 0 && fatal) throw new TypeError("The encoded data was not valid for encoding utf-8");
      text += code < 0 ? "\ufffd" : String.fromCodePoint(code);
    }
    return text;
  };
  class TextDecoder {
    #options;
    constructor(label = "utf-8", options = {}) {
      if (!/^(utf-?8|unicode-1-1-utf-8)$/i.test(label)) fail(`The encoding ${label}`);
      this.#options = { fatal: !!options?.fatal, ignoreBOM: !!options?.ignoreBOM };
    }
    get encoding() { return "utf-8"; }
    get fatal() { return this.#options.fatal; }
    get ignoreBOM() { return this.#options.ignoreBOM; }
    decode(given = new Uint8Array(), options = {}) {
      if (options?.stream) fail("The option stream of TextDecoder");
      const bytes = new Uint8Array(given.buffer ?? given, given.byteOffset ?? 0, given.byteLength);
      const text = utf8(bytes, this.fatal);
      return text.startsWith("\ufeff") && !this.ignoreBOM ? text.slice(1) : text;
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
    base64: (text) => binary(atob(text.split("=")[0].replace(/-/g, "+").replace(/_/g, "/").replace(/[^A-Za-z0-9+/]/g, ""))),
    hex: (text) => Uint8Array.from((/^(?:[0-9a-f]{2})*/i.exec(text)[0].match(/../g) ?? []), (pair) => parseInt(pair, 16)),
    utf16le: (text) => Uint8Array.from({ length: text.length * 2 }, (_, i) => (text.charCodeAt(i >> 1) >> (i % 2 ? 8 : 0)) & 255),
  };
  const letter = (bytes, mask = 255) => {
    let text = "";
    for (let i = 0; i < bytes.length; i++) text += String.fromCharCode(bytes[i] & mask);
    return text;
  };
  const writers = {
    utf8: (bytes) => utf8(bytes, false),
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
    constructor(...given) {
      if (typeof given[0] === "string") fail("new Buffer(text)");
      super(...given);
    }
    static get [Symbol.species]() { return BufferBytes; }
    static from(given, how, length) {
      if (typeof given === "string") return BufferBytes.over(readers[encoding(how)](given));
      if (given instanceof ArrayBuffer) return new BufferBytes(given, how, length);
      if (given?.type === "Buffer" && Array.isArray(given.data)) return BufferBytes.from(given.data);
      if (given === null || typeof given !== "object" || !(given.length >= 0)) {
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
  const unescaped = (text) => text.replace(/(%[0-9a-f]{2})+/gi, (run) =>
    utf8(run.match(/[0-9a-f]{2}/gi).map((pair) => parseInt(pair, 16)), false));
  const decode = (text) => unescaped(text.replace(/\+/g, " "));
  const again = Symbol("again");
  const isPair = (key, value) => (pair) =>
    pair[0] === String(key) && (value === undefined || pair[1] === String(value));
  class URLSearchParams {
    #pairs = [];
    #changed;
    constructor(given = "", changed) {
      this.#changed = typeof changed === "function" ? changed : () => {};
      if (typeof given === "string") this[again](given);
      else {
        const entries = typeof given[Symbol.iterator] === "function" ? given : Object.entries(given);
        for (const [key, value] of entries) this.#pairs.push([String(key), String(value)]);
      }
    }
    [again](given) {
      this.#pairs = [];
      const text = given.startsWith("?") ? given.slice(1) : given;
      for (const part of text.split("&")) {
        if (!part) continue;
        const at = part.indexOf("=");
        const pair = at < 0 ? [part, ""] : [part.slice(0, at), part.slice(at + 1)];
        this.#pairs.push(pair.map(decode));
      }
    }
    get [Symbol.toStringTag]() { return "URLSearchParams"; }
    get size() { return this.#pairs.length; }
    get(key) { return this.#pairs.find((pair) => pair[0] === String(key))?.[1] ?? null; }
    getAll(key) { return this.#pairs.filter((pair) => pair[0] === String(key)).map((pair) => pair[1]); }
    has(key, value) { return this.#pairs.some(isPair(key, value)); }
    append(key, value) { this.#pairs.push([String(key), String(value)]); this.#changed(); }
    delete(key, value) {
      const is = isPair(key, value);
      this.#pairs = this.#pairs.filter((pair) => !is(pair));
      this.#changed();
    }
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

  // URLs as the WHATWG standard parses them; what it would need tables for (hosts that are not
  // ASCII) is refused.
  const ports = { "http:": "80", "https:": "443", "ws:": "80", "wss:": "443", "ftp:": "21", "file:": "" };
  const hex2 = (byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  const percent = (text, forbidden) => {
    let out = "";
    for (const one of text) {
      const code = one.codePointAt(0);
      if (code > 0x1f && code < 0x7f && !forbidden.includes(one)) out += one;
      else for (const byte of new TextEncoder().encode(one)) out += hex2(byte);
    }
    return out;
  };
  const inFragment = ' "<>`', inQuery = ' "#<>', inPath = `${inQuery}?^\`{}`, inUser = `${inPath}/:;=@[\\]|`;
  const invalid = (given) => new TypeError(`Invalid URL: ${given}`);
  const fourth = (host) => {
    const parts = host.split(".");
    if (parts.length > 1 && parts.at(-1) === "") parts.pop();
    if (!/^(\d+|0x[0-9a-f]*)$/i.test(parts.at(-1))) return host;
    const numbers = parts.map((part) => {
      if (part === "") return NaN;
      if (/^0x[0-9a-f]*$/i.test(part)) return parseInt(part.slice(2) || "0", 16);
      if (/^0[0-7]*$/.test(part)) return parseInt(part, 8);
      return /^[1-9]\d*$/.test(part) ? Number(part) : NaN;
    });
    const last = numbers.pop();
    if (numbers.length > 3 || Number.isNaN(last) || numbers.some((one) => !(one <= 255))) return null;
    if (last >= 256 ** (4 - numbers.length)) return null;
    const whole = numbers.reduce((sum, one, at) => sum + one * 256 ** (3 - at), last);
    return [24, 16, 8, 0].map((shift) => Math.floor(whole / 2 ** shift) % 256).join(".");
  };
  const sixth = (text) => {
    const halves = text.split("::");
    if (halves.length > 2) return null;
    const words = (half) => {
      const parts = half === "" ? [] : half.split(":");
      const tail = parts.at(-1);
      if (tail?.includes(".")) {
        const bytes = tail.split(".").map((one) => (/^(0|[1-9]\d{0,2})$/.test(one) ? Number(one) : 256));
        if (bytes.length !== 4 || bytes.some((one) => one > 255)) return null;
        parts.splice(-1, 1, (bytes[0] * 256 + bytes[1]).toString(16), (bytes[2] * 256 + bytes[3]).toString(16));
      }
      return parts.every((one) => /^[0-9a-f]{1,4}$/i.test(one)) ? parts.map((one) => parseInt(one, 16)) : null;
    };
    const [left, right] = [words(halves[0]), words(halves[1] ?? "")];
    if (!left || !right) return null;
    const gap = 8 - left.length - right.length;
    if (halves.length === 2 ? gap < 1 : gap !== 0) return null;
    const all = [...left, ...Array(gap).fill(0), ...right];
    let best = { at: -1, size: 1 };
    for (let at = 0; at < 8; at++) {
      let size = 0;
      while (at + size < 8 && all[at + size] === 0) size += 1;
      if (size > best.size) best = { at, size };
    }
    if (best.at < 0) return `[${all.map((one) => one.toString(16)).join(":")}]`;
    const part = (from, to) => all.slice(from, to).map((one) => one.toString(16)).join(":");
    return `[${part(0, best.at)}::${part(best.at + best.size)}]`;
  };
  const hostOf = (text, special) => {
    if (text.startsWith("[")) return text.endsWith("]") ? sixth(text.slice(1, -1)) : null;
    if (!special) return /[\0\t\n\r #/<>?@[\\\]^|:]/.test(text) ? null : percent(text, "");
    let host = unescaped(text);
    if (/[^\0-\x7f]/.test(host) || /(^|\.)xn--/i.test(host)) fail(`The host ${host} (not ASCII)`);
    host = host.toLowerCase();
    return host === "" || /[\0-\x20"#%/:<>?@[\\\]^`{|}\x7f]/.test(host) ? null : fourth(host);
  };
  const isDrive = (part) => /^[a-z][:|]$/i.test(part);
  const addPath = (record, text) => {
    const special = record.protocol in ports;
    const parts = text.split(special ? /[/\\]/ : "/");
    parts.forEach((part, at) => {
      const isLast = at === parts.length - 1;
      if (/^(\.|%2e){2}$/i.test(part)) {
        if (!(record.protocol === "file:" && record.path.length === 1 && isDrive(record.path[0]))) record.path.pop();
        if (isLast) record.path.push("");
      } else if (/^(\.|%2e)$/i.test(part)) {
        if (isLast) record.path.push("");
      } else {
        const drive = record.protocol === "file:" && record.path.length === 0 && isDrive(part);
        record.path.push(drive ? `${part[0]}:` : percent(part, inPath));
      }
    });
  };
  const setAuthority = (record, text, given) => {
    const special = record.protocol in ports;
    const at = text.lastIndexOf("@");
    if (at >= 0) {
      const [user, ...rest] = text.slice(0, at).split(":");
      record.username = percent(user, inUser);
      record.password = percent(rest.join(":"), inUser);
    }
    const found = /^(\[[^\]]*\]|[^:]*)(?::(.*))?$/s.exec(text.slice(at + 1));
    if (!found || (record.protocol === "file:" && (at >= 0 || found[2] !== undefined))) throw invalid(given);
    if (found[1] === "" && (special ? record.protocol !== "file:" : at >= 0 || found[2])) throw invalid(given);
    const host = found[1] === "" ? "" : hostOf(found[1], special);
    if (host === null) throw invalid(given);
    record.host = record.protocol === "file:" && host === "localhost" ? "" : host;
    if (found[2]) setPort(record, found[2], () => { throw invalid(given); });
  };
  const setPort = (record, text, wrong) => {
    if (!/^\d+$/.test(text) || Number(text) > 65535) return wrong();
    const port = String(Number(text));
    record.port = port === ports[record.protocol] ? "" : port;
  };
  const parsed = (given, base) => {
    let text = String(given).replace(/^[\0-\x20]+|[\0-\x20]+$/g, "").replace(/[\t\n\r]/g, "").toWellFormed();
    const record = { protocol: "", username: "", password: "", host: null, port: "", path: [], query: null, fragment: null };
    const hash = text.indexOf("#");
    if (hash >= 0) { record.fragment = percent(text.slice(hash + 1), inFragment); text = text.slice(0, hash); }
    const scheme = /^[a-z][a-z0-9+.-]*:/i.exec(text)?.[0];
    if (!scheme && !base) throw invalid(given);
    record.protocol = scheme ? scheme.toLowerCase() : base.protocol;
    const special = record.protocol in ports;
    let rest = scheme ? text.slice(scheme.length) : text;
    const relative = !scheme || (special && base?.protocol === record.protocol && !/^[/\\]{2}/.test(rest));
    const from = relative && base ? base : null;
    if (from && typeof from.path === "string" && (rest !== "" || hash < 0)) throw invalid(given);
    const mark = rest.indexOf("?");
    if (mark >= 0) {
      record.query = percent(rest.slice(mark + 1), special ? `${inQuery}'` : inQuery);
      rest = rest.slice(0, mark);
    }
    const slash = special ? /^[/\\]/ : /^\//, slashes = special ? /^[/\\]{2}/ : /^\/\//;
    if (slashes.test(rest) || (special && !from && record.protocol !== "file:")) {
      rest = special && record.protocol !== "file:" ? rest.replace(/^[/\\]*/, "") : rest.slice(2);
      const end = rest.search(special ? /[/\\]/ : /\//);
      const authority = end < 0 ? rest : rest.slice(0, end);
      rest = end < 0 ? "" : rest.slice(end);
      if (record.protocol === "file:" && isDrive(authority)) { record.host = ""; rest = `/${authority}${rest}`; }
      else setAuthority(record, authority, given);
      if (rest !== "" || special) addPath(record, rest.slice(1));
      return record;
    }
    if (from) {
      Object.assign(record, { username: from.username, password: from.password, host: from.host, port: from.port });
      if (typeof from.path === "string") { record.path = from.path; record.query ??= from.query; return record; }
      if (rest === "") {
        record.path = [...from.path];
        if (mark < 0) record.query = from.query;
        return record;
      }
      if (slash.test(rest)) {
        if (record.protocol === "file:" && from.path[0] && isDrive(from.path[0]) && !isDrive(rest.slice(1, 3))) record.path = [from.path[0]];
        addPath(record, rest.slice(1));
        return record;
      }
      if (record.protocol === "file:" && isDrive(rest.slice(0, 2))) { addPath(record, rest); return record; }
      record.path = from.path.slice(0, -1);
      addPath(record, rest);
      return record;
    }
    if (record.protocol === "file:") { record.host = ""; addPath(record, rest.replace(/^[/\\]/, "")); return record; }
    if (rest.startsWith("/")) { addPath(record, rest.slice(1)); return record; }
    record.path = percent(rest, "");
    if (record.query === null && record.fragment === null) record.path = record.path.replace(/ +$/, "");
    return record;
  };
  const pathOf = (record) => (typeof record.path === "string" ? record.path : record.path.map((part) => `/${part}`).join(""));
  class URL {
    #record;
    #params;
    constructor(given, base) {
      if (arguments.length === 0) throw new TypeError('The "url" argument must be specified');
      this.#record = parsed(given, base === undefined ? undefined : parsed(base));
      this.#params = new URLSearchParams(this.search, () => {
        this.#record.query = this.#params.toString() || null;
      });
    }
    get href() {
      const { protocol, username, password, host, port, query, fragment } = this.#record;
      const user = username || password ? `${username}${password ? `:${password}` : ""}@` : "";
      const path = pathOf(this.#record);
      const place = host !== null ? `//${user}${host}${port ? `:${port}` : ""}` : path.startsWith("//") ? "/." : "";
      return protocol + place + path + (query === null ? "" : `?${query}`) + (fragment === null ? "" : `#${fragment}`);
    }
    set href(value) { this.#record = parsed(value); this.#reread(); }
    get origin() {
      const { protocol, host } = this.#record;
      if (protocol === "blob:") { try { const inner = new URL(this.pathname); return /^https?:$/.test(inner.protocol) ? inner.origin : "null"; } catch { return "null"; } }
      return protocol in ports && protocol !== "file:" && host !== null ? `${protocol}//${this.host}` : "null";
    }
    get protocol() { return this.#record.protocol; }
    set protocol(value) {
      const found = /^([a-z][a-z0-9+.-]*)(:|$)/i.exec(String(value));
      const record = this.#record, next = found && `${found[1].toLowerCase()}:`;
      if (!next || (next in ports) !== (record.protocol in ports)) return;
      if (next === "file:" && (record.username || record.password || record.port)) return;
      if (record.protocol === "file:" && record.host === "") return;
      record.protocol = next;
      if (record.port === ports[next]) record.port = "";
    }
    #hasAuthority() { return this.#record.host !== null && this.#record.host !== "" && this.#record.protocol !== "file:"; }
    get username() { return this.#record.username; }
    set username(value) { if (this.#hasAuthority()) this.#record.username = percent(String(value).toWellFormed(), inUser); }
    get password() { return this.#record.password; }
    set password(value) { if (this.#hasAuthority()) this.#record.password = percent(String(value).toWellFormed(), inUser); }
    get host() { const { host, port } = this.#record; return host === null ? "" : host + (port ? `:${port}` : ""); }
    set host(value) { this.#setHost(String(value), true); }
    get hostname() { return this.#record.host ?? ""; }
    set hostname(value) { this.#setHost(String(value), false); }
    #setHost(value, withPort) {
      const record = this.#record, special = record.protocol in ports;
      if (typeof record.path === "string") return;
      const text = value.replace(/[\t\n\r]/g, "").split(special ? /[/\\?#]/ : /[/?#]/)[0];
      const found = /^(\[[^\]]*\]|[^:]*)(?::(.*))?$/s.exec(text);
      if (!found || text.includes("@") || (found[2] !== undefined && (!withPort || record.protocol === "file:"))) return;
      if (found[1] === "") {
        if ((special && record.protocol !== "file:") || record.username || record.password || record.port) return;
        record.host = "";
        return;
      }
      const host = hostOf(found[1], special);
      if (host === null) return;
      record.host = record.protocol === "file:" && host === "localhost" ? "" : host;
      const digits = /^\d+/.exec(found[2] ?? "");
      if (withPort && digits && record.protocol !== "file:") setPort(record, digits[0], () => {});
    }
    get port() { return this.#record.port; }
    set port(value) {
      if (!this.#hasAuthority()) return;
      const text = String(value).replace(/[\t\n\r]/g, "");
      if (text === "") this.#record.port = "";
      else { const digits = /^\d+/.exec(text); if (digits) setPort(this.#record, digits[0], () => {}); }
    }
    get pathname() { return pathOf(this.#record); }
    set pathname(value) {
      const record = this.#record, text = String(value).replace(/[\t\n\r]/g, "").toWellFormed();
      if (typeof record.path === "string") return;
      record.path = [];
      const special = record.protocol in ports;
      if (text === "" && !special) return;
      addPath(record, (special ? /^[/\\]/ : /^\//).test(text) ? text.slice(1) : text);
    }
    get search() { return this.#record.query ? `?${this.#record.query}` : ""; }
    set search(value) {
      const text = String(value).replace(/[\t\n\r]/g, "").toWellFormed().replace(/^\?/, "");
      this.#record.query = String(value) === "" ? null : percent(text, this.#record.protocol in ports ? `${inQuery}'` : inQuery);
      this.#reread();
    }
    get searchParams() { return this.#params; }
    #reread() { this.#params[again](this.search); }
    get hash() { return this.#record.fragment ? `#${this.#record.fragment}` : ""; }
    set hash(value) {
      const text = String(value).replace(/[\t\n\r]/g, "").toWellFormed().replace(/^#/, "");
      this.#record.fragment = String(value) === "" ? null : percent(text, inFragment);
    }
    get [Symbol.toStringTag]() { return "URL"; }
    toString() { return this.href; }
    toJSON() { return this.href; }
    static canParse(given, base) { return URL.parse(given, base) !== null; }
    static parse(given, base) {
      try { return new URL(given, base); } catch (error) { if (error instanceof TypeError) return null; throw error; }
    }
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

  const kindOf = (value) => Object.prototype.toString.call(value);
  const structuredClone = function (given) {
    if (arguments.length === 0) throw new TypeError("The value argument must be specified");
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
      if (value instanceof Error) {
        const kinds = { EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError };
        const made = keep(new (kinds[value.name] ?? Error)(value.message));
        if (Object.hasOwn(value, "cause")) Object.defineProperty(made, "cause", { value: copy(value.cause), configurable: true, writable: true });
        return made;
      }
      if (/^\[object (Boolean|Number|String|BigInt)\]$/.test(kindOf(value))) return keep(Object(value.valueOf()));
      if (/^\[object (WeakMap|WeakSet|WeakRef|Promise|Generator)\]$/.test(kindOf(value)) || value instanceof URL || value instanceof URLSearchParams) {
        throw new TypeError(`${kindOf(value)} could not be cloned`);
      }
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
      for (const name of ["minimumFractionDigits", "maximumFractionDigits"]) {
        const value = options[name];
        if (value !== undefined && !(value >= 0 && value <= 100)) throw new RangeError(`${name} value is out of range.`);
      }
      if (options.minimumFractionDigits > options.maximumFractionDigits) {
        throw new RangeError("maximumFractionDigits value is out of range.");
      }
      if (![undefined, true, false, "auto", "always"].includes(options.useGrouping)) fail(`The grouping ${options.useGrouping}`);
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
      const value = Number(given), size = Math.abs(value);
      let [digits, rest = ""] = Number.isNaN(value) ? ["NaN"] : size === Infinity ? ["∞"]
        : rounded(size, most, style === "percent" ? 2 : 0).split(".");
      while (rest.length > least && rest.endsWith("0")) rest = rest.slice(0, -1);
      if (grouped) digits = digits.replace(/\B(?=(\d{3})+$)/g, ",");
      const sign = value < 0 || Object.is(value, -0) ? "-" : "";
      return `${sign}${signs[currency] ?? ""}${digits}${rest ? `.${rest}` : ""}${style === "percent" ? "%" : ""}`;
    }
  }
  const rounded = (size, most, shift) => {
    if (size >= 1e19) fail("A number of more than 19 digits");
    // Half away from zero, of the decimal digits that are written, as Intl does.
    const [mantissa, exponent = "0"] = String(size).split("e");
    let [whole, rest = ""] = mantissa.split(".");
    let by = Number(exponent) + shift;
    for (; by > 0; by--) { whole += rest[0] ?? "0"; rest = rest.slice(1); }
    for (; by < 0; by++) { rest = (whole.at(-1) ?? "0") + rest; whole = whole.slice(0, -1); }
    whole = whole.replace(/^0+(?=\d)/, "") || "0";
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
    constructor(locales, options = {}, needed = "any", usual = dateParts.slice(1)) {
      english(locales);
      only(options, [...dateParts, ...timeParts, "hour12", "hourCycle", "timeZone", "timeZoneName", "dateStyle", "timeStyle"]);
      if (options.timeZone !== undefined && !/^(etc\/)?(utc|gmt)$/i.test(options.timeZone)) fail(`The time zone ${options.timeZone}`);
      const given = (names) => names.find((name) => options[name] !== undefined);
      let rules = { ...options };
      if (options.dateStyle !== undefined || options.timeStyle !== undefined) {
        const explicit = given([...dateParts, ...timeParts, "timeZoneName"]);
        if (explicit) throw new TypeError(`Can't set option ${explicit} when ${options.dateStyle !== undefined ? "dateStyle" : "timeStyle"} is used`);
        if (needed === "date" && options.timeStyle !== undefined) throw new TypeError("Invalid option : timeStyle");
        if (needed === "time" && options.dateStyle !== undefined) throw new TypeError("Invalid option : dateStyle");
        const date = options.dateStyle && (styles.date[options.dateStyle] ?? fail(`The style ${options.dateStyle}`));
        const time = options.timeStyle && (styles.time[options.timeStyle] ?? fail(`The style ${options.timeStyle}`));
        rules = { ...rules, ...date, ...time, joined: /^(full|long)$/.test(options.dateStyle) ? " at " : ", " };
      } else {
        const there = needed === "date" ? dateParts : needed === "time" ? timeParts : [...dateParts, ...timeParts];
        if (!given(there)) for (const name of usual) rules[name] = name === "minute" || name === "second" ? "2-digit" : "numeric";
        const timed = timeParts.some((name) => rules[name]), dated = dateParts.filter((name) => rules[name]);
        if (timed && dated.length) {
          if (dated.join() === "weekday") rules.joined = rules.weekday === "short" ? " " : " at ";
          else rules.joined = rules.month === "long" ? " at " : ", ";
        }
      }
      this.rules = rules;
      Object.defineProperty(this, "rules", { enumerable: false });
      this.format = this.format.bind(this);
    }
    resolvedOptions() { return { locale: "en-US", calendar: "gregory", numberingSystem: "latn", timeZone: "UTC" }; }
    format(given = new Date()) {
      const at = new Date(given);
      if (Number.isNaN(at.getTime())) throw new RangeError("Invalid time value");
      if (at.getUTCFullYear() < 1583) fail("A year before 1583, when the calendar was another one,");
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
        time = [hour, minute, second].filter(Boolean).join(":") + (rules.hour && !day24 ? (hours < 12 ? " AM" : " PM") : "");
      }
      const all = [date, time].filter(Boolean).join(rules.joined ?? ", ");
      if (!rules.timeZoneName) return all;
      if (rules.timeZoneName !== "short") fail(`The time zone's name ${rules.timeZoneName}`);
      return `${all}${time ? " " : ", "}UTC`;
    }
  }
  const refused = (name) => class { constructor() { fail(`Intl.${name}`); } };
  class Collator {
    constructor(locales, options = {}) {
      english(locales);
      this.compare = (one, other) => compare(one, other, locales, options);
    }
  }
  const Intl = { [Symbol.toStringTag]: "Intl", NumberFormat, DateTimeFormat, Collator };
  for (const name of ["ListFormat", "PluralRules", "RelativeTimeFormat", "Segmenter", "DisplayNames", "DurationFormat"]) {
    Intl[name] = refused(name);
  }
  for (const kind of [NumberFormat, DateTimeFormat]) {
    Object.defineProperty(kind, "supportedLocalesOf", { value: (asked) => [asked ?? []].flat().filter((one) => /^en(-US)?$/i.test(one)) });
  }

  // White space and punctuation in the order of CLDR, digits, letters; then accents; then small
  // letters before large ones.
  const marks = "_-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$";
  const rank = (one) => {
    if (/\s/.test(one)) return [0, one.charCodeAt(0)];
    if (marks.includes(one)) return [1, marks.indexOf(one)];
    if (/\d/.test(one)) return [2, 0];
    return /[a-z\p{M}]/u.test(one) ? [3, 0] : fail(`The order of ${one}`);
  };
  const bare = (text) => text.normalize("NFD").replace(/\p{M}/gu, "");
  const ordered = (one, other, numeric) => {
    const cut = (text) => text.match(numeric ? /\d+|./gsu : /./gsu) ?? [];
    const a = cut(one), b = cut(other);
    for (let i = 0; i < Math.min(a.length, b.length); i++) {
      if (a[i] === b[i]) continue;
      const [one1, place1] = rank(a[i][0]), [one2, place2] = rank(b[i][0]);
      if (one1 !== one2) return one1 < one2 ? -1 : 1;
      if (place1 !== place2) return place1 < place2 ? -1 : 1;
      const numbers = numeric && /\d/.test(a[i]) ? Number(a[i]) - Number(b[i]) : 0;
      return numbers ? Math.sign(numbers) : a[i] < b[i] ? -1 : 1;
    }
    return Math.sign(a.length - b.length);
  };
  const compare = (one, given, locales, options = {}) => {
    english(locales);
    only(options, ["numeric", "sensitivity"]);
    const a = String(one).normalize("NFC"), b = String(given).normalize("NFC"), { numeric = false, sensitivity = "variant" } = options;
    if (a === b) return 0;
    const strange = /[^\x20-\x7e\s\p{M}]/u.exec(bare(a + b));
    if (strange) fail(`The order of ${strange[0]}`);
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
    date: (at, locales, options) => written(at, locales, options, "date", dateParts.slice(1)),
    time: (at, locales, options) => written(at, locales, options, "time", timeParts),
    both: (at, locales, options) => written(at, locales, options, "any", [...dateParts.slice(1), ...timeParts]),
    lower: (text, locales) => inNoLanguage(locales) && text.toLowerCase(),
    upper: (text, locales) => inNoLanguage(locales) && text.toUpperCase(),
  };
  const written = (at, locales, options, needed, usual) => {
    const made = new DateTimeFormat(locales, options, needed, usual);
    return Number.isNaN(at.getTime()) ? "Invalid Date" : made.format(at);
  };
  // Turkish, Azeri, Lithuanian and Greek have letters of their own; all others are alike.
  const inNoLanguage = (locales) => {
    const first = Array.isArray(locales) ? locales[0] : locales;
    if (/^(tr|az|lt|el)\b/i.test(first ?? "")) fail(`The language ${first}`);
    return true;
  };

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
