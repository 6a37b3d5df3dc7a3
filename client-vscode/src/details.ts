/** The parts of a transcript that fold: Markdown's `<details>`, one in another. */

export interface Fold {
  summary: string;
  parts: Part[];
  /** Its end has not been written yet. */
  ended: boolean;
}

export type Part = string | Fold;

const OPEN = "<details>", CLOSE = "</details>", SUMMARY = /^<summary>(.*)<\/summary>$/;
/** What would look like a line of ours. */
const FOLDED = /^(?=[▸▾] )/gm;

/** The server writes each of these marks on a line of its own, and what others say cannot be one. */
export function parse(text: string): Part[] {
  const top: Fold = { summary: "", parts: [], ended: true }, path: Fold[] = [top];
  const lines = text.split("\n");
  let plain: string[] = [];
  const here = (): Fold => path.at(-1) ?? top;
  const close = (): void => { if (plain.length) { here().parts.push(plain.join("\n")); plain = []; } };
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index] ?? "", summary = line === OPEN ? SUMMARY.exec(lines[index + 1] ?? "")?.[1] : undefined;
    if (summary !== undefined) {
      close();
      const fold: Fold = { summary, parts: [], ended: false };
      here().parts.push(fold);
      path.push(fold);
      index++;
    } else if (line === CLOSE && path.length > 1) {
      close();
      here().ended = true;
      path.pop();
    } else {
      plain.push(line);
    }
  }
  close();
  return top.parts;
}

interface View {
  /** What every key begins with. */
  key: string;
  isOpen: (key: string) => boolean;
  /** A line that opens or closes stands there, this one's. */
  fold: (key: string) => void;
}

/** The text with what is closed as one line; what is open is a quotation. */
export function render(parts: readonly Part[], view: View): string {
  let number = 0;
  return parts.map((part) => typeof part === "string" ? part.replace(FOLDED, " ") : one(part, { ...view, key: `${view.key}#${number++}` })).join("\n");
}

function one(fold: Fold, view: View): string {
  view.fold(view.key);
  const size = count(fold.parts.map(textOf).join("\n").trim());
  const told = fold.summary === "Thinking" ? `Thinking${fold.ended ? "" : "…"}` : fold.summary;
  if (!view.isOpen(view.key)) {
    return `▸ ${told} (${size})`;
  }
  const inside = render(fold.parts, view).trim();
  return `▾ ${told}\n\n${inside.split("\n").map((line) => line.startsWith("▸") || line.startsWith("▾") ? line : `> ${line}`).join("\n")}\n`;
}

const textOf = (part: Part): string => typeof part === "string" ? part : part.parts.map(textOf).join("\n");

function count(text: string): string {
  const { length } = text.split("\n");
  return length === 1 ? "1 line" : `${length} lines`;
}
