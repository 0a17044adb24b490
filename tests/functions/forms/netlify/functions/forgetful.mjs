// Neither a promise nor a callback.
export const handler = (event) => {
  console.log("forgot to answer", event.path);
};
