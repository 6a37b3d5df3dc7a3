/** What the extension host calls: every suite, in order. */
import * as fs from "node:fs";
import * as path from "node:path";
import Mocha from "mocha";

export async function run(): Promise<void> {
  const mocha = new Mocha({ ui: "tdd", color: false, timeout: 60_000, reporter: "spec", grep: process.env.INHOUSE_GREP });
  const folder = path.join(__dirname, "suite");
  for (const file of fs.readdirSync(folder).filter((name) => name.endsWith(".test.js")).sort()) {
    mocha.addFile(path.join(folder, file));
  }
  await new Promise<void>((resolve, reject) => {
    mocha.run((failures) => { if (failures) { reject(new Error(`${failures} test(s) failed`)); } else { resolve(); } });
  });
}
