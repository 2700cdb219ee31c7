/** The box in `[data-tick-all]` ticks every box of its form's rows; without script it stays hidden. */
export function tickAll(): void {
  for (const label of document.querySelectorAll<HTMLElement>("[data-tick-all]")) {
    label.hidden = false;
    label.addEventListener("change", (event) => {
      const { checked } = event.target as HTMLInputElement;
      for (const box of label.closest("form")?.querySelectorAll<HTMLInputElement>(".tick") ?? [])
        box.checked = checked;
    });
  }
}
