/**
 * A form is sent once: its buttons rest while the request is under way. A form whose answer is
 * a file leaves the page where it is, so it says `data-repeatable`.
 */
export function guardDoubleSubmit(): void {
  document.addEventListener("submit", (event) => {
    const form = event.target as HTMLFormElement;
    if (form.getAttribute("method")?.toLowerCase() !== "post" || event.defaultPrevented) return;
    if ("repeatable" in form.dataset) return;
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "yes";
    // After this turn, so that the pressed button's own name and value are still sent.
    setTimeout(() => setButtons(form, true));
  });
  // Coming back by the browser's history must not find dead buttons.
  window.addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll<HTMLFormElement>("form[data-sent]")) {
      delete form.dataset.sent;
      setButtons(form, false);
    }
  });
}

function setButtons(form: HTMLFormElement, disabled: boolean): void {
  for (const button of form.querySelectorAll<HTMLButtonElement>("button[type=submit], button:not([type])"))
    button.disabled = disabled;
}
