// Read by video.js while it loads, so this module is imported before it: the CSP allows no
// style elements that scripts make; static/css/video.css has what is needed.
(window as Window & { VIDEOJS_NO_DYNAMIC_STYLE?: boolean }).VIDEOJS_NO_DYNAMIC_STYLE = true;
