throw new Error("this module never loads");
export default () => new Response();
