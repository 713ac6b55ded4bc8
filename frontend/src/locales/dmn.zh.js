// dmn editor in Chinese.
export default {
};
