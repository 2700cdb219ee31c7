// What scrolls sideways within rich text can be reached by the keyboard too.
export function scrollable(root: ParentNode = document): void {
  for (const box of root.querySelectorAll<HTMLElement>(".rich :is(pre, table, .math.block)"))
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
}
