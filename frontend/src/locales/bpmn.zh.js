// bpmn editor in Chinese.
export default {
};
