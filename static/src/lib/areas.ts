// The right areas of a picture, drawn on it: the plain fields of the rows stay and are what is sent.
//
//   <div data-area-board data-full-text="…" hidden> <div class="hotspot"><img><svg></svg></div> <p role="status"> </div>
//   … and in the same form: input[name=picture], rows of select[name=area-shape] and input[name=area]

const SVG = "http://www.w3.org/2000/svg";
/** What is smaller (thousandths) was a click and no drawing. */
const LEAST = 5;
const NAMES: Record<string, string[]> = { circle: ["cx", "cy", "r"], rect: ["x", "y", "width", "height"] };

type Point = [number, number];
interface Row {
  shape: HTMLSelectElement;
  area: HTMLInputElement;
}

export function areas(form: HTMLFormElement): void {
  const board = form.querySelector<HTMLElement>("[data-area-board]");
  const picture = form.querySelector<HTMLInputElement>("input[name=picture]");
  const layer = board?.querySelector("svg");
  const image = board?.querySelector("img");
  const status = board?.querySelector("[role=status]");
  if (!board || !picture || !layer || !image) return;
  const shapes = [...form.querySelectorAll<HTMLSelectElement>("select[name=area-shape]")];
  const texts = [...form.querySelectorAll<HTMLInputElement>("input[name=area]")];
  const rows: Row[] = shapes.map((shape, index) => ({ shape, area: texts[index]! }));
  let chosen: Row | undefined; // whose fields were used last; else the first empty one is drawn
  let from: Point | undefined;

  const current = (): Row | undefined => chosen ?? rows.find((row) => !row.area.value.trim());
  const draw = (): void => {
    layer.replaceChildren(...rows.flatMap((row) => outline(row, row === chosen) ?? []));
  };
  const show = (): void => {
    const id = picture.value.trim().replace(/^picture:/, "");
    board.hidden = !/^[0-9a-f]{32}$/.test(id);
    if (!board.hidden && !image.src.endsWith(id)) image.src = `/pictures/${id}`;
  };
  const at = (event: PointerEvent): Point => {
    const { left, top, width, height } = layer.getBoundingClientRect();
    const whole = (value: number) => Math.min(1000, Math.max(0, Math.round(value * 1000)));
    return [whole((event.clientX - left) / width), whole((event.clientY - top) / height)];
  };
  const write = (row: Row, numbers: string): void => {
    row.area.value = numbers;
    row.area.dispatchEvent(new Event("input", { bubbles: true }));
  };

  layer.addEventListener("pointerdown", (event) => {
    const row = current();
    if (status) status.textContent = row ? "" : (board.dataset.fullText ?? "");
    if (!row) return;
    event.preventDefault();
    chosen = row;
    if (row.shape.value === "polygon") return write(row, `${row.area.value} ${at(event).join(",")}`.trim());
    from = at(event);
    layer.setPointerCapture(event.pointerId);
  });
  layer.addEventListener("pointermove", (event) => {
    const numbers = chosen && from && spanned(chosen.shape.value, from, at(event));
    if (chosen && numbers) write(chosen, numbers);
  });
  for (const name of ["pointerup", "pointercancel"] as const)
    layer.addEventListener(name, () => {
      if (from && chosen?.area.value) chosen = undefined; // the next drawing is the next row's
      from = undefined;
      draw();
    });
  for (const row of rows)
    for (const field of [row.shape, row.area]) {
      field.addEventListener("focus", () => { chosen = row; draw(); });
      field.addEventListener("input", draw);
    }
  for (const name of ["input", "change"]) picture.addEventListener(name, show);
  show();
  draw();
}

/** The numbers of what was drawn between two points; nothing for a mere click. */
function spanned(shape: string, [x, y]: Point, [toX, toY]: Point): string | undefined {
  const [width, height] = [Math.abs(toX - x), Math.abs(toY - y)];
  if (Math.max(width, height) < LEAST) return undefined;
  if (shape === "circle") return [x, y, Math.round(Math.hypot(width, height))].join(",");
  return [Math.min(x, toX), Math.min(y, toY), Math.max(1, width), Math.max(1, height)].join(",");
}

function outline(row: Row, isChosen: boolean): SVGElement | undefined {
  const numbers = (row.area.value.match(/[^\s,，;；]+/g) ?? []).map(Number);
  if (numbers.length < 2 || numbers.some((number) => !Number.isFinite(number))) return undefined;
  const shape = document.createElementNS(SVG, row.shape.value);
  const names = NAMES[row.shape.value];
  if (names) names.forEach((name, index) => shape.setAttribute(name, String(Math.max(0, numbers[index] ?? 0))));
  else shape.setAttribute("points", numbers.join(" "));
  shape.classList.toggle("is-chosen", isChosen);
  return shape;
}
