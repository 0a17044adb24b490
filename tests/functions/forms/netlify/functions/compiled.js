// As a compiler leaves `export default`.
"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
exports.default = async () => new Response("compiled");
