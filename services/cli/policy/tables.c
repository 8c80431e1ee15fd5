// The public notice: a city's values as tables for people, from the same data that runs. Chinese, as the public reads
// it.
#include "tools.h"
#include "common/policy/dimension.h"
#include <stdio.h>
#include <string.h>

static const char *section_title(const char *section) {
    static const struct {
        const char *section, *title;
    } titles[] = {

        {"parameters", "公布的参数"},
        {"coverage", "待遇享受期"},
        {"contribution", "筹资标准"},
        {"account", "个人账户"},
        {"retirement", "缴费年限"},
        {"benefit", "待遇标准"},
        {"enrollment", "参保范围"},
        {"cash_cycle", "资金归集与拨付日程"},
        {"deficit", "历史赤字"},
        {"interest", "计息"},
        {"surplus", "历史结余"},
        {"funding", "筹资水平"},
        {"district_fees", "按区（市）原规定执行的缴费"},
        {"fee_window", "居民缴费期"},
        {"standards", "标准的批准与调整"},
        {"gap", "当年缺口"},
        {"fund", "基金账户与流程"},
        {"routing", "定点机构管理权限"},
        {"points", "按病组（DRG）点数付费"},
        {"statements", "其他规定"},
        {"layers", "支付主体"},
    };
    for (size_t i = 0; i < COUNT_OF(titles); i++)
        if (strcmp(titles[i].section, section) == 0) return titles[i].title;
    return NULL; // who the city is, and names
}

// One word of a condition in Chinese: "level=1" → "一级及以下"; ranges and groups too.
static void print_word(const char *key, const char *word) {
    int dimension = dimension_from_name(key);
    const char *chinese = "";
    if (strncmp(key, "groups", 6) == 0)
        chinese = group_chinese(group_from_name(word));
    else if (dimension == DIM_IDENTITY)
        chinese = identity_chinese(identity_from_name(word));
    else if (dimension == DIM_LEVEL)
        chinese = level_chinese(level_from_name(word));
    else if (dimension == DIM_AREA)
        chinese = area_chinese(area_from_name(word));
    else if (dimension == DIM_FILING)
        chinese = filing_chinese(filing_from_name(word));
    else if (dimension == DIM_EMPLOYER)
        chinese = employer_chinese(employer_from_name(word));
    else if (dimension == DIM_POINT)
        chinese = point_chinese(point_from_name(word));
    else if (dimension == DIM_SEX)
        chinese = sex_chinese(sex_from_name(word));
    else if (dimension == DIM_FACILITY_KIND)
        chinese = facility_kind_chinese(facility_kind_from_name(word));
    fputs(*chinese ? chinese : word, stdout);
}

static const char *key_chinese(const char *key) {
    static const struct {
        const char *key, *chinese;
    } keys[] = {
        {"designated=true", "定点机构"},       {"designated=false", "非定点机构"},
        {"tier2=true", "参加一、二档"},        {"tier2=false", "只参加一档"},
        {"family_bed=true", "家庭病床"},       {"childbirth=true", "住院分娩"},
        {"referral=true", "按规定转诊"},       {"primary=true", "基层医疗机构"},
        {"primary=false", "非基层医疗机构"},   {"urban=true", "市区"},
        {"urban=false", "市区以外"},           {"months_tier1", "一档连续缴费月数 "},
        {"months_tier2", "二档连续缴费月数 "}, {"age", "年龄 "},
        {"referral_days", "转诊后天数 "},      {"groups_none", "非"},
    };
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        if (strcmp(keys[i].key, key) == 0) return keys[i].chinese;
    return NULL;
}

static void print_fact(char *fact) {
    const char *whole = key_chinese(fact);
    char *words = strchr(fact, '=');
    if (whole || !words) {
        fputs(whole ? whole : fact, stdout);
        return;
    }
    *words++ = 0;
    if (key_chinese(fact)) fputs(key_chinese(fact), stdout);
    char *range = strstr(words, ".."); // 0..12 → 0至12, 25.. → 25以上
    if (range) {
        if (range[2])
            printf("%.*s至%s", (int)(range - words), words, range + 2);
        else
            printf("%.*s以上", (int)(range - words), words);
        return;
    }
    for (char *rest, *word = strtok_r(words, "|", &rest); word; word = strtok_r(NULL, "|", &rest)) {
        if (word != words) fputs("、", stdout);
        print_word(fact, word);
    }
}

static void print_when(const char *when) {
    char text[512];
    bool first = true;
    snprintf(text, sizeof text, "%s", when);
    for (char *rest, *fact = strtok_r(text, " ", &rest); fact; fact = strtok_r(NULL, " ", &rest)) {
        if (strcmp(fact, "or") == 0) {
            fputs(" 或 ", stdout);
            first = true;
            continue;
        }
        if (!first) fputs("，", stdout);
        first = false;
        print_fact(fact);
    }
}

// What a reader is told of: amounts, rates, days. The rest of the file says how they are put together.
static const char *item_chinese(const char *key) {
    static const struct {
        const char *key, *chinese;
    } items[] = {
        {"amount", "金额（元）"},
        {"rate", "比例"},
        {"above", "以上部分（元）"},
        {"value", "标准"},
        {"months", "月数"},
        {"multiply", "乘以"},
        {"subtract", "减"},
        {"add", "加"},
        {"set", "定为"},
        {"at_least", "不低于"},
        {"at_most", "不高于"},
        {"of", "基数"},
        {"days", "天数"},
        {"day", "日"},
        {"due", "期限"},
        {"share", "份额"},
        {"must", "应当参保"},
        {"tiers", "险种"},
        {"working_days", "工作日"},
        {"payer", "缴费人"},
        {"holds", "规定"},
        {"years_ago", "前几年"},
        {"identities", "人员"},
        {"recent_days", "天数"},
        {"none", "不设限额"},
        {"window_months", "月数"},
        {"month_day", "日期"},
        {"to", "截止"},
        {"deadline", "期限"},
        {"allowed", "允许"},
    };
    for (size_t i = 0; i < COUNT_OF(items); i++)
        if (strcmp(items[i].key, key) == 0) return items[i].chinese;
    return NULL;
}

// The key above the last of a path: "above" of "….above.parameter", without a label in brackets.
static const char *key_above(const char *path, char room[static 64]) {
    const char *end = strrchr(path, '.'), *at = end;
    while (at > path && at[-1] != '.') at--;
    if (end) snprintf(room, 64, "%.*s", (int)(end - at < 63 ? end - at : 63), at);
    room[strcspn(room, "[")] = 0;
    return room;
}

// A word of the vocabulary in Chinese; itself when it is none.
static const char *word_chinese(const char *word) {
    const struct {
        int (*from_name)(const char *);
        const char *(*chinese)(int);
    } words[] = {{identity_from_name, identity_chinese},
                 {payer_from_name, payer_chinese},
                 {employer_from_name, employer_chinese},
                 {group_from_name, group_chinese}};
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (words[i].from_name(word) >= 0) return words[i].chinese(words[i].from_name(word));
    return strcmp(word, "missing") == 0            ? "（未公布）"
           : strcmp(word, "true") == 0             ? "是"
           : strcmp(word, "false") == 0            ? "否"
           : strcmp(word, "wage") == 0             ? "本人工资"
           : strcmp(word, "deductible_borne") == 0 ? "转诊前已负担的起付标准"
           : strcmp(word, "holds") == 0            ? "适用"
                                                   : word;
}

// "employee, retiree" → 在职职工、退休职工
static void print_standard(const char *text) {
    char copy[512];
    snprintf(copy, sizeof copy, "%s", text);
    char *rest = copy, *word;
    for (bool first = true; (word = strsep(&rest, ",")) != NULL; first = false) {
        word += strspn(word, " ");
        if (!first) fputs("、", stdout);
        print_cell(word_chinese(word));
    }
}

// A dated entry of a list tells from when it holds.
static void print_item(const char *item, const char *path) {
    const char *label = strrchr(path, '[');
    date_t from;
    char day[DATE_TEXT_MAX];
    print_cell(item);
    if (!label || strchr(label, '.') == NULL || strlen(label) < 11) return;
    snprintf(day, sizeof day, "%.10s", label + 1);
    if (label[11] == ']' && date_parse(day, &from) == E_OK) printf("（%s起）", day);
}

static void print_cells(const policy_t *policy, const law_value_t *v, const char *item, const char *standard) {
    fputs("| ", stdout);
    print_cell(policy_rule_text_zh(policy, v->rule));
    fputs(" | ", stdout);
    print_when(v->when);
    fputs(" | ", stdout);
    print_item(item, v->path);
    fputs(" | ", stdout);
    print_standard(standard);
    printf(" | %s |\n", policy_rule_source(policy, v->rule));
}

// "parameters.minimum_base[2018-01-01]" → 月最低缴费基数（2018-01-01起）
static void print_parameter(const policy_t *policy, const law_values_t *values, const law_value_t *v) {
    char name[128], item[256];
    const char *at = v->path + strlen("parameters."), *from = strchr(at, '[');
    snprintf(name, sizeof name, "%.*s", (int)strcspn(at, "["), at);
    snprintf(item, sizeof item, "%s（%.10s起）", law_parameter_title(values, name), from ? from + 1 : "");
    print_cells(policy, v, item, v->text);
}

// A parameter in a table, with its multiple when that follows: 大病保险起赔标准 × 0.30
static void print_reference(const policy_t *policy, const law_values_t *values, size_t index) {
    const law_value_t *v = law_value_at(values, index);
    const law_value_t *next = index + 1 < law_values_count(values) ? law_value_at(values, index + 1) : NULL;
    char above[64] = "", standard[256];
    const bool times = next && strcmp(next->key, "times") == 0;
    snprintf(standard, sizeof standard, "%s%s%s", law_parameter_title(values, v->text), times ? " × " : "",
             times ? next->text : "");
    const char *item = item_chinese(key_above(v->path, above));
    print_cells(policy, v, item ? item : "标准", standard);
}

static void print_row(const policy_t *policy, const law_values_t *values, size_t index) {
    const law_value_t *v = law_value_at(values, index);
    if (strcmp(v->section, "parameters") == 0)
        print_parameter(policy, values, v);
    else if (strcmp(v->section, "layers") == 0 && strcmp(v->key, "name") == 0)
        print_cells(policy, v, "支付主体", v->text);
    else if (strcmp(v->key, "parameter") == 0)
        print_reference(policy, values, index);
    else if (item_chinese(v->key) && strcmp(v->section, "layers") != 0)
        print_cells(policy, v, item_chinese(v->key), v->text);
}

static void print_notice(const policy_t *policy, const law_values_t *values) {
    const char *status, *last = "";
    const law_value_t *city = law_value_find(values, "name_zh");
    printf("# %s基本医疗保险政策标准\n\n本表由系统运行的同一份数据生成，校验码 %s。\n", city ? city->text : "",
           policy_hash(policy));
    for (size_t i = 0; i < policy_overlay_count(policy); i++) {
        const char *name = policy_overlay(policy, i, &status);
        printf("\n> 叠加 %s（%s）。\n", name, strcmp(status, "synthetic") == 0 ? "虚构数值，仅供试用" : status);
    }
    for (size_t i = 0; i < law_values_count(values); i++) {
        const law_value_t *v = law_value_at(values, i);
        const char *title = section_title(v->section);
        if (!title) continue;
        if (strcmp(last, v->section) != 0)
            printf("\n## %s\n\n| 规定 | 适用 | 项目 | 标准 | 依据 |\n|---|---|---|---|---|\n", title);
        last = v->section;
        print_row(policy, values, i);
    }
}

int policy_tables(const policy_args_t *args) {
    policy_t *policy = NULL;
    law_values_t *values = NULL;
    err_t err = {0};
    int rc = policy_load(&policy, args->paths.city, args->overlays, &err);
    if (!rc) rc = law_values_load(&values, args->paths.city, args->overlays, &err);
    if (rc)
        fprintf(stderr, "tongchou policy: %s\n", err.text);
    else
        print_notice(policy, values);
    law_values_destroy(&values);
    policy_destroy(&policy);
    return rc ? 2 : 0;
}
