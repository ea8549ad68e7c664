// What NiceGUI mounts: an empty element, which the page's own scripts fill.
import { start } from "whence-page";

export default {
  template: '<div class="whence"></div>',
  props: { setup: Object },
  mounted() {
    start(this.$el, this.setup);
  },
};
