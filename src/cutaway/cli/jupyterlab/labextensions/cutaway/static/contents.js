// Read the contents page anew whenever its tab comes to the front: it changes on disk when a lesson is saved.
// This is a JupyterLab extension written by hand, in the form that its build would give it.

const contents = "notebooks/contents.md";

const plugin = {
  id: "cutaway:contents",
  autoStart: true,
  activate: ({ shell }) => {
    shell.currentChanged.connect((_, { newValue: widget }) => {
      const page = widget?.context;
      if (page?.path === contents && page.isReady && !page.model.dirty) {
        page.revert();
      }
    });
  },
};

window._JUPYTERLAB = window._JUPYTERLAB ?? {};
window._JUPYTERLAB.cutaway = { init: () => {}, get: async () => () => ({ __esModule: true, default: plugin }) };
