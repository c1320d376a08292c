// The page's script: comfort on top of what the server has already drawn.
import "./settings.js";
import "./session.js";
import "./errors.js";
import "./toast.js";
import "./dialog.js";
import "./colors.js";
import "./selection.js";
import "./menu.js";
import "./picker.js";
import "./jobs.js";
import "./move.js";
import "./frame.js";
