// Runs in the background by its name, and has no caller to believe.
exports.handler = (event, context) => {
  console.log(`later ${event.body} ${JSON.stringify([context.clientContext, context.identity])}`);
};
