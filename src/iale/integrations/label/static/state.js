// What the page knows right now. It is one object because modules cannot reassign what they import, and every module must
// see the same values. It holds data only: modules that draw read from it, modules that act write to it.

export const state = {
  limits: {}, // numbers that the server sets, as api/limits gives them
  kind: "image", // "image", "text", or "row"
  classes: [],
  about: {}, // by class: text, color, shortcut, count and examples
  guidelines: "", // about the project, in Markdown
  classActs: [], // what was done to classes and can be undone, latest first
  person: "",
  personKey: "", // the name under which this browser remembers the person, for this project
  useKeys: true, // off for speech input, which would type letters by accident
  status: null, // the latest answer of api/status
  waiting: [], // decisions that the server has not acknowledged yet, oldest first
  queue: [], // samples that are ready to be shown, next first
  current: null, // the sample that is shown
  sheet: [], // ids of the look-alikes that are shown together
  drained: false, // whether the server has nothing more for this window
};

// The server gives the samples that one window holds to no other window; this tells windows apart.
export const tab = crypto.getRandomValues(new Uint32Array(3)).join("-");
