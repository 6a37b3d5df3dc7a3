// Package the extension: npm run package [-- --out FILE], npm run package:offline.
// The server goes along as a wheel; offline with every wheel that it needs on this platform.
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";

const here = path.resolve(import.meta.dirname, "..");
const offline = process.argv.includes("--offline");
const { version, repository } = JSON.parse(fs.readFileSync(path.join(here, "package.json"), "utf8"));
const target = `${process.platform}-${process.arch}`;
const out = process.argv.includes("--out")
  ? path.resolve(process.argv[process.argv.indexOf("--out") + 1])
  : path.join(here, offline ? `inhouse-${version}-offline-${target}.vsix` : `inhouse-${version}.vsix`);
const python = process.env.PYTHON ?? (process.platform === "win32" ? "python" : "python3");
/** Pythons that the offline package serves; wheels without an ABI of their own are shared. */
const PYTHONS = (process.env.PYTHON_VERSIONS ?? "3.11 3.12 3.13 3.14").split(" ");

/** Megabytes that the package may have; the one with every wheel inside is as large as its wheels. */
const LIMIT = 5;

const run = (command, args) => execFileSync(command, args, { cwd: here, stdio: ["ignore", "inherit", "inherit"] });
const local = (name) => path.join(here, "node_modules", ".bin", process.platform === "win32" ? `${name}.cmd` : name);

fs.rmSync(path.join(here, "server"), { recursive: true, force: true });
if (!process.argv.includes("--light")) { // Light: without the server, for tests.
  fs.mkdirSync(path.join(here, "server"));
  run(python, ["-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps", "--wheel-dir", "server", ".."]);
  const wheel = fs.readdirSync(path.join(here, "server")).find((name) => name.endsWith(".whl"));
  if (offline) {
    collectWheels(path.join("server", wheel));
  }
}
fs.copyFileSync(path.join(here, "..", "LICENSE"), path.join(here, "LICENSE"));
// The project's own changelog, whose links are of the repository's root.
const site = repository.url.replace(/\.git$/, "");
fs.writeFileSync(path.join(here, "CHANGELOG.md"), fs.readFileSync(path.join(here, "..", "CHANGELOG.md"), "utf8").replace(/\]\((?!https?:|#)/g, `](${site}/blob/HEAD/`));
run("npm", ["run", "--silent", "bundle"]);
// Links and pictures of README.md become absolute: the repository's, at its own folder.
run(local("vsce"), ["package", "--no-dependencies",
  "--baseContentUrl", `${site}/blob/HEAD/${repository.directory}`, "--baseImagesUrl", `${site}/raw/HEAD/${repository.directory}`,
  ...(offline ? ["--target", target] : []), "--out", out]);
const megabytes = fs.statSync(out).size / 1e6;
console.log(`${out}: ${megabytes.toFixed(2)} MB`);
if (!offline && megabytes > LIMIT) {
  throw new Error(`The package must stay under ${LIMIT} MB: see what .vscodeignore lets in.`);
}

function collectWheels(wheel) {
  const served = PYTHONS.filter((version) => {
    const tag = `cp${version.replace(".", "")}`;
    try {
      run(python, ["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:", "--dest", path.join("server", "wheels"),
        "--implementation", "cp", "--python-version", version, "--abi", tag, "--abi", "abi3", "--abi", "none", wheel]);
      return true;
    } catch {
      console.warn(`Python ${version}: not every library has a wheel for ${target}; this package does not serve it.`);
      return false;
    }
  });
  if (!served.length) {
    throw new Error(`No Python of ${PYTHONS.join(", ")} can be served on ${target}.`);
  }
  fs.rmSync(path.join(here, "server", "wheels", path.basename(wheel)), { force: true });
}
