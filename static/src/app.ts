// Behaviours of every page. Each is small and the page works without it.
import htmx from "htmx.org";
import { confirmForms } from "./lib/confirm";
import { csrfToken } from "./lib/csrf";
import { dialogs } from "./lib/dialog";
import { menus } from "./lib/menu";
import { guardDoubleSubmit } from "./lib/submit";
import { themeToggle } from "./lib/theme";
import { tickAll } from "./lib/ticks";
import { scrollable } from "./lib/scrollable";

htmx.config.includeIndicatorStyles = false; // the CSP allows no inline styles
htmx.config.allowEval = false;
htmx.config.selfRequestsOnly = true;
document.addEventListener("htmx:configRequest", (event) => {
  (event as CustomEvent).detail.headers["X-CSRFToken"] = csrfToken();
});

// Filters apply at once where the form asks for it; the button stays for everyone else.
for (const form of document.querySelectorAll<HTMLFormElement>("form[data-submit-on-change]"))
  form.addEventListener("change", () => form.requestSubmit());

themeToggle();
menus();
dialogs();
confirmForms();
guardDoubleSubmit();
tickAll();
scrollable();

// Heavier ones come only where the page has use for them.
if (document.querySelector(".math"))
  void import("./lib/math").then(({ formulas }) => {
    formulas();
    scrollable();
  });
if (document.querySelector("[data-hotspot], [data-ordering]"))
  void import("./lib/answering").then(({ answering }) => answering());
if (document.querySelector("form[data-question-form]"))
  void import("./lib/question_form").then(({ questionForm }) => questionForm());
