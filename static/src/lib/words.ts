export type Word = (key: string, values?: Record<string, string | number>) => string;

/** Texts of a page's part, in its language, with `{name}` filled in: `<script data-words>`. */
export function wordsOf(root: HTMLElement): Word {
  const words = JSON.parse(root.querySelector("script[data-words]")?.textContent ?? "{}") as Record<string, string>;
  return (key, values = {}) => (words[key] ?? key).replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}
