module.exports = async (req, context) => context.json({ commonjs: req.method });
