// The SCORM API in the courseware's own window. `told`: edition, token, values, bounds.
// It speaks to the page around it by messages: nothing here reaches another origin.
"use strict";
var values = told.values, running = false, ended = false, fault = "0", top_ = window.top;
function say(kind, changes) {
  top_.postMessage({ zhixin: told.token, kind: kind, values: changes || {} }, "*");
}
var readOnly = /\._(children|count|version)$|^cmi(\.core)?\.(student_id|student_name|learner_id|learner_name|credit|lesson_mode|mode|entry|total_time|launch_data)$/;
var children = {
  "cmi.core._children": "student_id,student_name,lesson_location,credit,lesson_status,entry,score,total_time,lesson_mode,exit,session_time",
  "cmi.core.score._children": "raw,min,max", "cmi.score._children": "scaled,raw,min,max",
  "cmi.objectives._children": "id,score,status,success_status,completion_status,progress_measure,description",
  "cmi.interactions._children": "id,type,objectives,timestamp,time,correct_responses,weighting,learner_response,student_response,result,latency,description",
  "cmi._version": told.edition === "2004" ? "1.0" : "3.4",
};
function count(list) {
  var most = -1;
  for (var name in values) {
    var found = name.indexOf(list + ".") === 0 && /^[0-9]+/.exec(name.slice(list.length + 1));
    if (found) most = Math.max(most, Number(found[0]));
  }
  return String(most + 1);
}
function start() {
  if (running || ended) { fault = told.edition === "2004" ? (ended ? "104" : "103") : "101"; return "false"; }
  running = true; fault = "0";
  var status = told.edition === "2004" ? "cmi.completion_status" : "cmi.core.lesson_status";
  say("start");
  if (told.edition !== "2004" && values[status] === "not attempted") put(status, "incomplete");
  return "true";
}
function end() {
  if (!running) { fault = told.edition === "2004" ? "112" : "301"; return "false"; }
  // SCORM 1.2: who says nothing of the status and comes to an end is done.
  if (told.edition !== "2004" && !touched) put("cmi.core.lesson_status", "completed");
  running = false; ended = true; fault = "0";
  say("end");
  return "true";
}
var touched = false;
function put(name, value) {
  var changes = {};
  values[name] = changes[name] = String(value);
  say("set", changes);
}
function get(name) {
  name = String(name);
  if (!running) { fault = told.edition === "2004" ? "122" : "301"; return ""; }
  fault = "0";
  if (name in children) return children[name];
  if (/\._count$/.test(name)) return count(name.slice(0, -7));
  return Object.prototype.hasOwnProperty.call(values, name) ? values[name] : "";
}
function set(name, value) {
  name = String(name);
  if (!running) { fault = told.edition === "2004" ? "132" : "301"; return "false"; }
  if (readOnly.test(name)) { fault = told.edition === "2004" ? "404" : "403"; return "false"; }
  fault = "0";
  if (!/^cmi\./.test(name)) return "true"; // adl.nav: where to go next is the learner's choice
  if (!/^cmi(\.[A-Za-z0-9_]+){1,7}$/.test(name)) { fault = "401"; return "false"; }
  // What the platform would refuse is refused here, alone: not together with all that is said beside it.
  if (!room(name, String(value))) { fault = told.edition === "2004" ? "406" : "405"; return "false"; }
  if (/^cmi(\.core)?\.(lesson|completion|success)_status$/.test(name)) touched = true;
  put(name, value);
  return "true";
}
function room(name, value) {
  if (value.length > told.bounds.value || value.indexOf("\0") >= 0) return false;
  var number = 1, characters = name.length + value.length;
  for (var other in values)
    if (other !== name) { number += 1; characters += other.length + String(values[other]).length; }
  return number <= told.bounds.values && characters <= told.bounds.characters;
}
function commit() {
  if (!running) { fault = told.edition === "2004" ? "142" : "301"; return "false"; }
  fault = "0"; say("commit"); return "true";
}
function lastFault() { return fault; }
function words(code) { return String(code) === "0" ? "No error" : "Error " + code; }
window.API = { LMSInitialize: start, LMSFinish: end, LMSGetValue: get, LMSSetValue: set, LMSCommit: commit,
  LMSGetLastError: lastFault, LMSGetErrorString: words, LMSGetDiagnostic: words };
window.API_1484_11 = { Initialize: start, Terminate: end, GetValue: get, SetValue: set, Commit: commit,
  GetLastError: lastFault, GetErrorString: words, GetDiagnostic: words };
window[told.edition === "2004" ? "API" : "API_1484_11"] = null;
// Nobody may look at a frame of another origin, and here every frame is one. So a stand-in takes
// the parent's place: packages find the API there, and what a page calls of its own package's
// frame is passed on to it.
var up = window.parent;
window.addEventListener("message", function (event) {
  var call = event.data && event.data.zhixin === told.token && event.data.call;
  if (call && typeof window[call] === "function" && /^[A-Za-z_$][\w$]*$/.test(call)) window[call].apply(window, event.data.args);
});
if (up !== window) {
  var inner = up !== top_, named = new Proxy({}, {
    get: function (_target, name) {
      if (name === "parent" || name === "top" || name === "window" || name === "self") return named;
      if (name === "API" || name === "API_1484_11") return window[name];
      if (name === "postMessage") return up.postMessage.bind(up);
      if (!inner || typeof name !== "string") return undefined;
      return function () {
        up.postMessage({ zhixin: told.token, call: name, args: Array.prototype.slice.call(arguments) }, "*");
      };
    },
  });
  try { window.parent = named; } catch (error) { /* then it is alone */ }
}
// Without an origin there is no storage; many packages ask for it all the same.
["localStorage", "sessionStorage"].forEach(function (name) {
  try { if (window[name]) return; } catch (error) { /* as expected */ }
  var kept = {};
  Object.defineProperty(window, name, { value: {
    getItem: function (key) { return Object.prototype.hasOwnProperty.call(kept, key) ? kept[key] : null; },
    setItem: function (key, value) { kept[key] = String(value); },
    removeItem: function (key) { delete kept[key]; }, clear: function () { kept = {}; },
    key: function (at) { return Object.keys(kept)[at] || null; }, get length() { return Object.keys(kept).length; },
  } });
});
