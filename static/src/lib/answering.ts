// Questions whose answer is easier given by hand than by their plain fields. The fields stay and
// are what is sent: a select for each place, a text "x,y" for a place on a picture.

/** An answer was put into the fields by a program (the sheet as it was saved): show it. */
export const WRITTEN = "zhixin:written";

export function answering(root: ParentNode = document): void {
  for (const list of root.querySelectorAll<HTMLElement>("[data-ordering]:not([data-ready])")) ordering(list);
  for (const box of root.querySelectorAll<HTMLElement>("[data-hotspot]:not([data-ready])")) hotspot(box);
}

/** Up and down beside each place: its select and the neighbour's change values. */
function ordering(list: HTMLElement): void {
  list.dataset.ready = "";
  const places = [...list.querySelectorAll("select")];
  if (places.every((each) => !each.value)) list.dataset.untouched = "";
  places.forEach((select, place) => {
    for (const [step, text] of [[-1, list.dataset.upText], [1, list.dataset.downText]] as const) {
      const other = places[place + step];
      if (!other) continue;
      const button = document.createElement("button");
      Object.assign(button, { type: "button", className: "button button--small", textContent: text ?? "" });
      button.setAttribute("aria-label", `${select.getAttribute("aria-label") ?? ""} ${text ?? ""}`);
      button.addEventListener("click", () => {
        // Nothing chosen yet: the order shown above is where moving begins.
        if (places.every((each) => !each.value))
          places.forEach((each, index) => (each.value = each.options[index + 1]?.value ?? ""));
        [select.value, other.value] = [other.value, select.value];
        select.dispatchEvent(new Event("change", { bubbles: true }));
        (step < 0 ? other : select).focus({ preventScroll: true });
        button.focus({ preventScroll: true });
      });
      select.after(button);
    }
  });
}

function hotspot(box: HTMLElement): void {
  box.dataset.ready = "";
  const layer = box.querySelector<SVGSVGElement>("svg");
  const input = (box.closest(".question") ?? box.parentElement)?.querySelector<HTMLInputElement>("input[name^='q-']");
  const said = box.querySelector<HTMLElement>("[data-hotspot-place]");
  const cross = box.querySelector("path");
  if (!layer || !input || !cross) return;

  const at = (): [number, number] | undefined => {
    const [x, y] = input.value.split(",").map(Number);
    return input.value && Number.isFinite(x) && Number.isFinite(y) ? [x!, y!] : undefined;
  };
  const draw = (): void => {
    const point = at();
    cross.setAttribute("d", point ? `M${point[0]} 0V1000M0 ${point[1]}H1000` : "");
    if (said && point)
      said.textContent = (box.dataset.placeText ?? "").replace("{x}", `${point[0]}`).replace("{y}", `${point[1]}`);
  };
  const put = (x: number, y: number): void => {
    const whole = (value: number) => Math.min(1000, Math.max(0, Math.round(value)));
    input.value = `${whole(x)},${whole(y)}`;
    input.dispatchEvent(new Event("change", { bubbles: true }));
    draw();
  };
  layer.addEventListener("click", (event) => {
    const { left, top, width, height } = layer.getBoundingClientRect();
    put(((event.clientX - left) / width) * 1000, ((event.clientY - top) / height) * 1000);
  });
  layer.addEventListener("keydown", (event) => {
    const ways: Record<string, [number, number]> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const way = ways[event.key];
    if (!way) return;
    event.preventDefault();
    const step = event.shiftKey ? 1 : 20;
    const [x, y] = at() ?? [500, 500];
    put(x + way[0] * step, y + way[1] * step);
  });
  for (const name of ["input", "change", WRITTEN]) input.addEventListener(name, draw);
  draw();
}
