// Words of our own scripts: the Chinese source is the key, English stands beside it; <html lang> chooses.
const english = {
  '确定': 'OK',
  '取消': 'Cancel',
  '关闭': 'Close',
  '请确认': 'Please confirm',
  '撤销': 'Undo',
  '{seconds} 秒内可撤销': 'can be undone for {seconds} s',
  '已复制': 'Copied',
  '无法复制，请手动选择文字': 'Could not copy; please select the text yourself',
  '连接不上服务器，请检查网络后再试。': 'The server cannot be reached. Check the network and try again.',
  '服务器出错了，刚才的操作没有完成。请稍后再试；仍不行请联系管理员。': 'The server failed and the action was not carried out. Try again later, or ask the administrator.',
  '您没有权限做这件事。': 'You are not allowed to do this.',
  '这一项已不存在，列表可能已过时，请刷新。': 'This item no longer exists; the list may be out of date. Reload it.',
  '已有人先处理了这一项，请刷新后再看。': 'Somebody has already dealt with this item. Reload and look again.',
  '操作太频繁，请稍后再试。': 'Too many requests. Wait a moment and try again.',
  '文件太大。': 'The file is too large.',
  '请求没有被接受（{status}）。': 'The request was refused ({status}).',
  '登录已过期': 'Your session has expired',
  '页面上的内容还在。请输入您的密码，接着刚才的操作。': 'Everything on the page is still here. Enter your password to go on.',
  '密码': 'Password',
  '继续': 'Continue',
  '换人登录': 'Sign in as somebody else',
  '登录身份已改变': 'The sign-in has changed',
  '这个页面是以另一个身份打开的，不能再从这里办理。请重新载入页面。': 'This page was opened as somebody else, so nothing can be done from it. Reload it.',
  '重新载入': 'Reload',
  '{names}正在看': '{names} viewing',
  '知道了': 'Dismiss',
  '、': ', ',
  '已选 {count} 件': '{count} selected',
  '当前事项不能这样办理。': 'This item does not allow that.',
  '选中的事项都不能这样办理。': 'None of the selected items allows that.',
  '其中 {count} 件不能这样办理，将跳过。': '{count} of them do not allow that and are skipped.',
  '正在载入…': 'Loading…',
  '载入失败': 'Could not load',
  '请先改正标出的 {count} 处': 'Please correct the {count} marked places first',
  '请填写此项': 'Please fill in this field',
  '请填写后再按一次“{outcome}”。': 'Fill this in, then press “{outcome}” again.',
  '正在提交…': 'Sending…',
  '已提交': 'Sent',
  '正在保存草稿…': 'Saving the draft…',
  '草稿已保存 {time}': 'Draft saved {time}',
  '草稿暂存在本机，联网后自动保存': 'Draft kept on this device until the server can be reached',
  '草稿没有保存：{reason}': 'Draft not saved: {reason}',
  '表单打不开：{reason}': 'The form cannot be shown: {reason}',
  '流程图打不开：{reason}': 'The diagram cannot be shown: {reason}',
  '文件打不开：{reason}': 'The file cannot be opened: {reason}',
  '选择': 'Select',
  '图片': 'Picture',
  '附件': 'File',
  '没有附件': 'No files',
  '“{name}”超过 {size} MB': '“{name}” is larger than {size} MB',
  '正在上传': 'Sending',
  '正在上传“{name}”': 'Sending “{name}”',
  '移除': 'Remove',
  '移除“{name}”': 'Remove “{name}”',
  '选择、拖入或粘贴文件': 'Choose, drop or paste files',
  '常用意见': 'Your phrases',
  '存为常用意见': 'Keep as a phrase',
  '移除常用意见“{text}”': 'Drop the phrase “{text}”',
  '浏览': 'Browse',
  '正在办理': 'In progress',
  '已完成': 'Done',
  '出错': 'Failed',
  '未到': 'Not reached',
  '全图': 'All',
  '办理位置': 'Where it is',
  '＋': '+',
  '－': '−',
  '放大': 'Zoom in',
  '缩小': 'Zoom out',
  '流程图。方向键移动，加号减号缩放，0 显示全图。': 'Diagram. Arrow keys move, plus and minus zoom, 0 shows all.',
  '有未部署的改动': 'Changes not deployed yet',
  '没有改动': 'No changes',
  '检查中…': 'Checking…',
  '检查没有通过：{reason}': 'The check could not run: {reason}',
  '没有发现问题': 'No findings',
  '{errors} 个错误，{warnings} 个提醒': '{errors} errors, {warnings} warnings',
  '错误': 'Error',
  '提醒': 'Warning',
  '说明': 'Note',
  '第 {line} 行': 'line {line}',
  '部署这一版？新的案件按它办理，办理中的案件仍按原来的版本。': 'Deploy this version? New cases follow it; running cases stay on theirs.',
  '部署': 'Deploy',
  '正在部署…': 'Deploying…',
  '已部署': 'Deployed',
  '没有部署：请先改正列出的错误。': 'Not deployed: correct the listed errors first.',
  '部署前': 'Before deployment',
  '打开另一个文件会丢掉未部署的改动，继续？': 'Opening another file drops the changes not deployed. Continue?',
};

export const chinese = !document.documentElement.lang.toLowerCase().startsWith('en');

/** The text in the page's language with {names} filled in. */
export function words(source, values = {}) {
  const text = chinese ? source : english[source] ?? source;
  return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

/** A translate function for an editor from bpmn.io: English → Chinese, and where wanted better English; misses are collected for tests. */
export function translator(dictionary, betterEnglish = {}) {
  const missing = (window.__banjieMissing ??= new Set());
  return function translate(template, replacements = {}) {
    const known = (chinese ? dictionary : betterEnglish)[template];
    if (chinese && template && known === undefined && /[A-Za-z]{2}/.test(template)) missing.add(template);
    return (known ?? template ?? '').replace(/\{(\w+)\}/g, (whole, name) => replacements[name] ?? whole);
  };
}
