// What is known of a person who asks to join, as bits, and the words around it: schemes, tiers, places. The field's own
// words, never a city's; codes stand in compiled policies: add at the end, never reorder.
#pragma once
#include <stdint.h>

#define CIRCUMSTANCE_TABLE(X)                                                                                          \
    X(LOCAL_REGISTRATION, "local_registration", "本市户籍")                                                            \
    X(EMPLOYED, "employed", "与本市用人单位建立劳动关系")                                                              \
    X(HIRES_WORKERS, "hires_workers", "有雇工的个体工商户业主")                                                        \
    X(SOLE_TRADER, "sole_trader", "无雇工的个体工商户")                                                                \
    X(FLEXIBLE, "flexible", "灵活就业")                                                                                \
    X(PART_TIME, "part_time", "非全日制从业")                                                                          \
    X(UNEMPLOYMENT_BENEFIT, "unemployment_benefit", "领取失业保险金期间")                                              \
    X(RETIRED, "retired", "职工退休")                                                                                  \
    X(COLLEGE_STUDENT, "college_student", "本市高等院校学生")                                                          \
    X(VOCATIONAL_STUDENT, "vocational_student", "本市中等职业学校学生")                                                \
    X(PUPIL, "pupil", "本市中小学生")                                                                                  \
    X(NURSERY_CHILD, "nursery_child", "本市幼儿园、托儿机构儿童")                                                      \
    X(PRESCHOOL_CHILD, "preschool_child", "学龄前儿童")                                                                \
    X(PARENT_INSURED_HERE, "parent_insured_here", "父母在本市参加社会保险")                                            \
    X(RESIDENCE_PERMIT, "residence_permit", "持有有效居住证")                                                          \
    X(ACCOMPANYING_CHILD, "accompanying_child", "居住证持有人的随迁子女")                                              \
    X(IN_EMPLOYEE_SCHEME, "in_employee_scheme", "已参加职工医保")                                                      \
    X(IN_RESIDENT_SCHEME, "in_resident_scheme", "已参加居民医保")                                                      \
    X(NEW_AT_SCHOOL, "new_at_school", "当年新入学或转学")                                                              \
    X(LOST_WORK, "lost_work", "当年由就业转为失业")                                                                    \
    X(RETIRED_THIS_YEAR, "retired_this_year", "当年退休")                                                              \
    X(LEFT_ARMY, "left_army", "当年退役")                                                                              \
    X(RELEASED, "released", "当年刑满释放")                                                                            \
    X(MOVED_IN, "moved_in", "当年户籍新迁入")
#define SCHEME_TABLE(X) X(SCHEME_EMPLOYEE, "employee", "职工医保") X(SCHEME_RESIDENT, "resident", "居民医保")
#define TIER_TABLE(X) X(TIER_1, "tier1", "一档") X(TIER_2, "tier2", "二档")
// Where one joins.
#define PLACE_TABLE(X)                                                                                                 \
    X(PLACE_ANY, "any", "未规定")                                                                                      \
    X(PLACE_EMPLOYER, "employer", "用人单位所在地")                                                                    \
    X(PLACE_REGISTRATION, "registration", "户籍所在地")                                                                \
    X(PLACE_SCHOOL, "school", "学校所在地")                                                                            \
    X(PLACE_PARENT, "parent", "父母参保地")                                                                            \
    X(PLACE_PREMISES, "premises", "营业执照登记的经营场所")

#define X(code, name, chinese) CIRCUMSTANCE_##code,
typedef enum circumstance { CIRCUMSTANCE_TABLE(X) CIRCUMSTANCE__COUNT } circumstance_t;
#undef X
#define X(code, name, chinese) code,
typedef enum insurance_scheme { SCHEME_TABLE(X) SCHEME__COUNT } insurance_scheme_t;
typedef enum tier { TIER_TABLE(X) TIER__COUNT } tier_t;
typedef enum place { PLACE_TABLE(X) PLACE__COUNT } place_t;
#undef X
_Static_assert(CIRCUMSTANCE__COUNT <= 32, "circumstances are bits");

int circumstance_from_name(const char *name); // −1 when unknown
const char *circumstance_names(void);         // "local_registration, employed, …"
int insurance_scheme_from_name(const char *name);
int tier_from_name(const char *name);
int place_from_name(const char *name);
const char *insurance_scheme_name(insurance_scheme_t scheme);
const char *tier_name(tier_t tier);
const char *place_name(place_t place);
