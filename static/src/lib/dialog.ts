/** `data-open="id"` opens that `<dialog>`; `data-close` closes the message or dialog around it. */
export function dialogs(): void {
  document.addEventListener("click", (event) => {
    const target = event.target as Element;
    const opener = target.closest<HTMLElement>("[data-open]");
    if (opener) {
      const dialog = document.getElementById(opener.dataset.open ?? "");
      if (dialog instanceof HTMLDialogElement && !dialog.open) dialog.showModal();
    }
    const close = target.closest("[data-close]");
    const around = close?.closest(".alert, dialog");
    if (around instanceof HTMLDialogElement) around.close();
    else around?.remove();
  });
}
