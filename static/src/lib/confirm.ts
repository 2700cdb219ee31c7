/** Forms with `data-confirm="question"` ask in a dialog before they are sent. */
export function confirmForms(): void {
  document.addEventListener(
    "submit",
    (event) => {
      const form = event.target as HTMLFormElement;
      const question = form.dataset.confirm;
      if (!question) return;
      if (form.dataset.confirmed) {
        delete form.dataset.confirmed; // the next time asks again
        return;
      }
      event.preventDefault();
      event.stopImmediatePropagation();
      const submitter = (event as SubmitEvent).submitter;
      ask(question).then((yes) => {
        if (!yes) return;
        form.dataset.confirmed = "yes";
        form.requestSubmit(submitter);
      });
    },
    true,
  );
}

function ask(question: string): Promise<boolean> {
  const template = document.querySelector<HTMLTemplateElement>("#confirm-dialog");
  if (!template || !("showModal" in HTMLDialogElement.prototype)) return Promise.resolve(window.confirm(question));
  const dialog = template.content.firstElementChild!.cloneNode(true) as HTMLDialogElement;
  dialog.querySelector("[data-question]")!.textContent = question;
  document.body.append(dialog);
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      resolve(dialog.returnValue === "yes");
      dialog.remove();
    });
    dialog.showModal();
  });
}
