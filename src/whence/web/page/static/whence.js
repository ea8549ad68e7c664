// What NiceGUI mounts: an empty element, which the page's own scripts fill. Drawn by a function, not by a template: the
// page's policy lets no text become script.
import { h } from "vue";
import { start } from "whence-page";

export default {
  props: { setup: Object },
  mounted() {
    start(this.$el, this.setup);
  },
  render() {
    return h("div", { class: "whence" });
  },
};
