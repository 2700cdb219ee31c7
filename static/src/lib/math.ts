// Formulas of rich text (zhixin.richtext): .math elements hold TeX until KaTeX draws them. The
// MathML it writes beside the drawing is what a screen reader reads.
import katex from "katex";

const styles = (): string | undefined =>
  document.querySelector<HTMLMetaElement>("meta[name='math-styles']")?.content;

export function formulas(root: ParentNode = document): void {
  const found = root.querySelectorAll<HTMLElement>(".math:not([data-drawn])");
  const address = styles();
  if (found.length && address && !document.querySelector("link[data-math]")) {
    const link = document.createElement("link");
    Object.assign(link, { rel: "stylesheet", href: address });
    link.dataset.math = "";
    document.head.append(link);
  }
  for (const element of found) {
    element.dataset.drawn = "";
    const tex = element.textContent ?? "";
    // Bounds for what strangers write: no addresses, no endless macros, no page-high rules.
    katex.render(tex.trim(), element, {
      displayMode: element.classList.contains("block"),
      throwOnError: false,
      trust: false,
      strict: "ignore",
      maxExpand: 500,
      maxSize: 20,
    });
  }
}
