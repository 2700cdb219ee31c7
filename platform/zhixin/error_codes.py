"""Every code that a problem document's ``type`` may end in, and what it means.

Shown at ``/docs/errors``, where ``type`` points, and in ``docs/integrator/errors.md``; a test
collects the codes from the sources and compares.
"""

from __future__ import annotations

GENERAL = {
    "bad-request": "请求无法理解",
    "invalid": "提交的内容有误",
    "invalid-data": "数据不符合接口定义，fields 列出位置和问题",
    "nul-character": "提交的内容含有空字符（U+0000）",
    "city-only": "仅全市范围的管理员可以发布学时规则",
    "form-expired": "缺少或过期的 CSRF 令牌",
    "sign-in-needed": "未登录、登录已结束，或令牌无效",
    "not-allowed": "没有权限",
    "not-found": "不存在，或不属于您",
    "method-not-allowed": "这个地址不支持此方法",
    "conflict": "内容已发生变化，刷新后重试",
    "request-entity-too-large": "提交的内容过大",
    "unsupported-media-type": "不支持这种内容类型",
    "too-many-requests": "操作过于频繁，按 Retry-After 等待",
    "internal": "服务器出现意外错误，没有保存任何内容",
    "out-of-space": "服务器存储空间不足，没有保存任何内容",
}
PEOPLE = {
    "wrong-password": "登录名或密码不正确",
    "sign-in-paused": "失败次数过多，暂停登录，按 Retry-After 等待",
    "sign-in-name-taken": "登录名已被使用",
    "person-known": "此身份证号已有账号",
    "invalid-identity-number": "身份证号不正确",
    "password-too-short": "密码过短",
    "password-too-long": "密码过长",
    "password-too-easy": "密码过于常见或与登录名相同",
    "last-administrator": "必须保留一名全局管理员",
    "oneself": "不能对自己的账号这样做",
}
COURSES = {
    "changed-elsewhere": "课程已在另一个页面被修改",
    "under-review": "审核期间不能修改",
    "course-incomplete": "提交审核前还有未完成的内容",
    "declared-hours": "申报学时不是有效的数字",
    "hours-not-justified": "申报学时超过时长可支持的学时",
    "title-needed": "需要填写标题",
    "text-too-long": "文字过长",
    "too-many-chapters": "章过多",
    "too-many-units": "小节过多",
    "unit-kind": "没有这种小节",
    "not-a-video-unit": "只有视频小节可以使用视频",
    "reason-needed": "需要填写原因",
    "reason-too-long": "原因过长",
    "illegal-step": "课程版本的当前状态不允许此操作",
    "course-not-offered": "课程没有发布",
    "not-active": "课程已完成或已退出",
}
PLAYING = {
    "claim-refused": "播放记录无法识别，没有确认任何时间",
    "too-many-intervals": "一次上报的区间过多",
    "not-a-number": "播放位置不是有限的数字",
    "negative-position": "播放位置为负数",
    "reversed-interval": "区间的起点晚于终点",
    "beyond-the-end": "播放位置超出视频时长",
    "seq-reused": "同一序号的上报内容不一致",
    "playback-closed": "这次播放早已结束，不再接收上报",
    "media-address-expired": "视频地址已过期，请重新打开",
    "playing-elsewhere": "您正在另一处播放，确认后可在此继续（take_over）",
    "playback-over": "这次播放已结束，请在正在播放的页面回答",
    "answer-too-soon": "刚选错一次，按 Retry-After 等待后再选",
    "no-such-option": "没有这个选项",
    "too-far-ahead": "已缓冲足够多的内容，按 Retry-After 等待",
}
UPLOADS = {
    "tus-version": "仅支持 tus 1.0.0",
    "content-type": "续传数据的类型必须是 application/offset+octet-stream",
    "upload-length": "缺少 Upload-Length",
    "upload-metadata": "Upload-Metadata 格式有误",
    "upload-checksum": "不支持的校验方式",
    "checksum-mismatch": "校验失败，请重新发送这一段",
    "offset-mismatch": "续传位置不一致，请用 HEAD 查询",
    "upload-locked": "正由另一个连接上传",
    "upload-expired": "上传已过期，请重新上传",
    "empty": "文件是空的",
    "too-large": "文件超过允许的大小",
}
VIDEOS = {
    "media": "视频处理失败",
    "not-a-video": "不是可以识别的视频",
    "truncated": "视频文件不完整",
    "too-short": "视频过短",
    "too-long": "视频过长",
    "no-video-stream": "没有画面",
    "codec-not-allowed": "不支持的编码",
    "container-not-allowed": "不支持的文件格式",
    "too-many-streams": "音视频轨道过多",
    "resolution-too-large": "分辨率超过 4K",
    "probe-timeout": "读取视频信息超时",
    "transcode-failed": "转码失败",
    "transcode-timeout": "转码超时",
    "disk-full": "服务器存储空间不足",
    "cancelled": "转码已取消",
}
ASSESSMENTS = {
    "invalid-paper": "试卷内容有误",
    "paper-changed": "试卷已在别处修改",
    "answer-refused": "作答内容有误",
    "attempt-open": "作答尚未交卷",
    "attempt-closed": "已交卷，不能再修改",
    "already-passed": "已通过，无需再次作答",
    "no-attempts-left": "作答次数已用完",
}
HOURS = {
    "no-policy": "没有适用于该日期的学时规则",
    "invalid-credit-rule": "学时规则有误",
    "policy-file": "规则文件无法读取",
    "source-needed": "需要填写规则名称和依据",
    "illegal-transition": "学时的当前状态不允许此操作",
    "own-award": "不能核验自己的学时",
    "decision-needed": "需要选择处理方式",
    "evidence-missing": "找不到证据",
    "out-of-range": "账本中没有这个序号或条数",
    "not-yet-recorded": "学时尚未入账，不能出具证书",
    "nothing-recorded": "该年度没有已入账的学时",
    "already-revoked": "证书已撤销",
}
#: By topic, in the order shown.
TOPICS = {
    "通用": GENERAL,
    "账号": PEOPLE,
    "课程": COURSES,
    "观看": PLAYING,
    "上传": UPLOADS,
    "视频": VIDEOS,
    "测验": ASSESSMENTS,
    "学时、账本、证书": HOURS,
}
