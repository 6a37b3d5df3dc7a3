// Draw media/icon.png from media/icon.svg with the Chromium that the tests use.
import fs from "node:fs";
import path from "node:path";
import { chromium } from "playwright-core";

const media = path.resolve(import.meta.dirname, "..", "media");
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
const page = await browser.newPage({ viewport: { width: 256, height: 256 } });
const svg = fs.readFileSync(path.join(media, "icon.svg"), "utf8").replace('width="128" height="128"', 'width="256" height="256"');
await page.setContent(`<body style="margin:0;background:transparent">${svg}</body>`);
await page.screenshot({ path: path.join(media, "icon.png"), omitBackground: true });
await browser.close();
