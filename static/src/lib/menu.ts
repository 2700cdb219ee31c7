/** `<details class="menu">` closes as menus do: by Escape, by a press elsewhere, by leaving it. */
export function menus(): void {
  const open = () => document.querySelectorAll<HTMLDetailsElement>("details.menu[open]");
  const closeOthers = (target: EventTarget | null) => {
    for (const menu of open()) if (!menu.contains(target as Node | null)) menu.open = false;
  };
  document.addEventListener("click", (event) => closeOthers(event.target));
  document.addEventListener("focusin", (event) => closeOthers(event.target));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of open()) {
      const within = menu.contains(document.activeElement);
      menu.open = false;
      if (within) menu.querySelector("summary")?.focus();
    }
  });
}
