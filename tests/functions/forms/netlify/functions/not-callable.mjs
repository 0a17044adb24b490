export default class Nobody {}
