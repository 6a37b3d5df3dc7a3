// `import path from 'path'`: what of Node's module needs no file system, as on Linux and macOS.
// A definition gives the same values on every system.
const norm = (path, above) => {
  const parts = [];
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.length && parts[parts.length - 1] !== "..") parts.pop();
    else if (above) parts.push("..");
  }
  return parts.join("/");
};
const checked = (value, name) => {
  if (typeof value === "string") return value;
  const what = value === null ? "null" : typeof value;
  throw new TypeError(
    `The "${name}" argument must be of type string. Received ${what}` +
    (what === "undefined" ? ". A definition does not know its folder: to take a text from a file, import it: import prompt from './prompt.md'" : ""),
  );
};
const isAbsolute = (path) => checked(path, "path").startsWith("/");
const normalize = (path) => {
  if (checked(path, "path") === "") return ".";
  const absolute = isAbsolute(path);
  let found = norm(path, !absolute);
  if (!found && !absolute) found = ".";
  if (found && path.endsWith("/")) found += "/";
  return absolute ? `/${found}` : found;
};
const join = (...paths) => {
  const joined = paths.filter((path) => checked(path, "path") !== "").join("/");
  return joined === "" ? "." : normalize(joined);
};
const resolve = (...paths) => {
  let found = "";
  for (let i = paths.length - 1; i >= 0 && !found.startsWith("/"); i--) {
    if (checked(paths[i], `paths[${i}]`) !== "") found = found ? `${paths[i]}/${found}` : paths[i];
  }
  if (!found.startsWith("/")) {
    throw new Error("path.resolve needs a working folder, which a definition has not: begin with an absolute path");
  }
  return `/${norm(found, false)}`;
};
const withoutEnd = (path) => {
  let end = path.length;
  while (end > 1 && path[end - 1] === "/") end -= 1;
  return path.slice(0, end);
};
const dirname = (path) => {
  if (checked(path, "path") === "") return ".";
  const whole = withoutEnd(path);
  const at = whole.lastIndexOf("/");
  if (at <= 0) return path.startsWith("/") ? "/" : ".";
  return at === 1 && path.startsWith("/") ? "//" : whole.slice(0, at);
};
const basename = (path, suffix) => {
  if (suffix !== undefined) checked(suffix, "suffix");
  const whole = withoutEnd(checked(path, "path"));
  const name = whole.slice(whole.lastIndexOf("/") + 1);
  const shorter = suffix && name !== suffix && name.endsWith(suffix);
  return shorter ? name.slice(0, -suffix.length) : name;
};
const extname = (path) => {
  const name = basename(path);
  const at = name.lastIndexOf(".");
  return at <= 0 || name === ".." ? "" : name.slice(at);
};
const relative = (from, to) => {
  const one = resolve(from).split("/").filter(Boolean), other = resolve(to).split("/").filter(Boolean);
  let same = 0;
  while (same < one.length && same < other.length && one[same] === other[same]) same += 1;
  return [...one.slice(same).map(() => ".."), ...other.slice(same)].join("/");
};
const parse = (path) => {
  const root = isAbsolute(path) ? "/" : "";
  const base = basename(path), ext = extname(path);
  const whole = withoutEnd(path), at = whole.lastIndexOf("/");
  const dir = at > 0 ? whole.slice(0, at) : root;
  return { root, dir, base, ext, name: ext ? base.slice(0, -ext.length) : base };
};
const format = ({ dir, root = "", base, name = "", ext = "" }) => {
  const last = base ?? `${name}${ext && !ext.startsWith(".") ? "." : ""}${ext}`;
  const folder = dir || root;
  return !folder ? last : folder === root ? `${folder}${last}` : `${folder}/${last}`;
};
const path = {
  sep: "/", delimiter: ":", isAbsolute, normalize, join, resolve, dirname, basename, extname,
  relative, parse, format, toNamespacedPath: (path) => path,
};
path.posix = path;
module.exports = path;
