// Enter sends the question, Shift+Enter breaks its line; without scripts the button does.
document.addEventListener("keydown", (event) => {
  const field = event.target;
  if (event.key !== "Enter" || event.shiftKey || event.isComposing || field.dataset?.enter !== "send") return;
  event.preventDefault();
  const button = field.form.querySelector("button.primary");
  if (!button.disabled) field.form.requestSubmit(button);
});

// Back and forward load what belongs to the address, if a script has put something with another one into the page.
const address = () => location.pathname + location.search;
let shownAt = address(); // such a script sets it
addEventListener("popstate", () => address() !== shownAt && location.reload());
