// The standard dimensions that every city's tables are indexed by: the field's own words, never a city's.
// A city file says which of them it uses and what each is worth. Codes stand in compiled policies: add at the end,
// never reorder.
#pragma once
#include <stdint.h>

// 参保身份
#define IDENTITY_TABLE(X)                                                                                              \
    X(IDENTITY_EMPLOYEE, "employee", "在职职工")                                                                       \
    X(IDENTITY_RETIREE, "retiree", "退休职工")                                                                         \
    X(IDENTITY_UNEMPLOYED, "unemployed", "失业人员")                                                                   \
    X(IDENTITY_FLEXIBLE, "flexible", "灵活就业人员")                                                                   \
    X(IDENTITY_SOLE_TRADER, "sole_trader", "无雇工个体工商户")                                                         \
    X(IDENTITY_RESIDENT, "resident", "城乡居民")

// 特殊人群
#define GROUP_TABLE(X)                                                                                                 \
    X(GROUP_REGISTERED_POOR, "registered_poor", "建档立卡贫困人员")                                                    \
    X(GROUP_MINIMUM_LIVING, "minimum_living", "最低生活保障对象")                                                      \
    X(GROUP_EXTREME_HARDSHIP, "extreme_hardship", "特困供养人员")                                                      \
    X(GROUP_FIVE_GUARANTEE, "five_guarantee", "农村五保供养对象")                                                      \
    X(GROUP_LOW_INCOME_FAMILY, "low_income_family", "低收入家庭成员")                                                  \
    X(GROUP_SEVERELY_DISABLED, "severely_disabled", "重度残疾人员")                                                    \
    X(GROUP_SERIOUSLY_ILL, "seriously_ill", "重病患者")                                                                \
    X(GROUP_PREFERENTIAL, "preferential", "优抚对象")                                                                  \
    X(GROUP_MUTUAL_AID, "mutual_aid", "职工医疗互助人员")                                                              \
    X(GROUP_FAMILY_PLANNING, "family_planning", "计生优待户")

// 医疗机构等级, 就医类型, 就医地, 备案, 缴费主体, 用人单位类型
#define LEVEL_TABLE(X) X(LEVEL_1, "1", "一级及以下") X(LEVEL_2, "2", "二级") X(LEVEL_3, "3", "三级")
#define VISIT_TABLE(X)                                                                                                 \
    X(VISIT_INPATIENT, "inpatient", "住院")                                                                            \
    X(VISIT_OUTPATIENT, "outpatient", "普通门诊")                                                                      \
    X(VISIT_SPECIAL_OUTPATIENT, "special_outpatient", "特定病种门诊")
#define AREA_TABLE(X) X(AREA_CITY, "city", "市内") X(AREA_OUTSIDE, "outside", "市外")
#define FILING_TABLE(X)                                                                                                \
    X(FILING_NONE, "none", "无需备案")                                                                                 \
    X(FILING_FILED, "filed", "已备案")                                                                                 \
    X(FILING_UNFILED, "unfiled", "未备案")                                                                             \
    X(FILING_LATE, "late", "逾期备案")                                                                                 \
    X(FILING_RESETTLED, "resettled", "异地安置")                                                                       \
    X(FILING_POSTED, "posted", "单位派驻市外")
#define PAYER_TABLE(X)                                                                                                 \
    X(PAYER_EMPLOYER, "employer", "用人单位")                                                                          \
    X(PAYER_PERSON, "person", "个人")                                                                                  \
    X(PAYER_UNEMPLOYMENT_FUND, "unemployment_fund", "失业保险基金")                                                    \
    X(PAYER_FINANCE, "finance", "财政")
#define EMPLOYER_TABLE(X)                                                                                              \
    X(EMPLOYER_ENTERPRISE, "enterprise", "企业")                                                                       \
    X(EMPLOYER_ORGAN, "organ", "机关事业单位")                                                                         \
    X(EMPLOYER_DISTRESSED, "distressed", "困难企业")
// 性别, 门诊选定点, 定点机构种类, 目录类别, 目录等级
#define SEX_TABLE(X) X(SEX_MALE, "male", "男") X(SEX_FEMALE, "female", "女")
#define POINT_TABLE(X)                                                                                                 \
    X(POINT_NONE, "none", "非选定点")                                                                                  \
    X(POINT_PRIMARY, "primary", "选定基层医疗机构")                                                                    \
    X(POINT_OTHER, "other", "其他选定医疗机构")
#define FACILITY_KIND_TABLE(X)                                                                                         \
    X(FACILITY_KIND_HOSPITAL, "hospital", "医院")                                                                      \
    X(FACILITY_KIND_CLINIC, "clinic", "诊所")                                                                          \
    X(FACILITY_KIND_PHARMACY, "pharmacy", "零售药店")
#define FEE_KIND_TABLE(X)                                                                                              \
    X(FEE_KIND_DRUG, "drug", "药品")                                                                                   \
    X(FEE_KIND_ITEM, "item", "诊疗项目")                                                                               \
    X(FEE_KIND_MATERIAL, "material", "医用耗材")                                                                       \
    X(FEE_KIND_BED, "bed", "床位")
#define FEE_CLASS_TABLE(X) X(FEE_CLASS_A, "A", "甲") X(FEE_CLASS_B, "B", "乙") X(FEE_CLASS_C, "C", "丙")

#define X(code, name, chinese) code,
typedef enum identity { IDENTITY_TABLE(X) IDENTITY__COUNT } identity_t;
typedef enum group { GROUP_TABLE(X) GROUP__COUNT } group_t;
typedef enum level { LEVEL_TABLE(X) LEVEL__COUNT } level_t;
typedef enum visit { VISIT_TABLE(X) VISIT__COUNT } visit_t;
typedef enum area { AREA_TABLE(X) AREA__COUNT } area_t;
typedef enum filing { FILING_TABLE(X) FILING__COUNT } filing_t;
typedef enum payer { PAYER_TABLE(X) PAYER__COUNT } payer_t;
typedef enum employer { EMPLOYER_TABLE(X) EMPLOYER__COUNT } employer_t;
typedef enum sex { SEX_TABLE(X) SEX__COUNT } sex_t;
typedef enum point { POINT_TABLE(X) POINT__COUNT } point_t;
typedef enum facility_kind { FACILITY_KIND_TABLE(X) FACILITY_KIND__COUNT } facility_kind_t;
typedef enum fee_kind { FEE_KIND_TABLE(X) FEE_KIND__COUNT } fee_kind_t;
typedef enum fee_class { FEE_CLASS_TABLE(X) FEE_CLASS__COUNT } fee_class_t;
#undef X

#define GROUP_BIT(group) (1u << (group))

// Name → code, or −1; code → name; all names as "city, outside", for who gave none of them. One set for every
// dimension, e.g. identity_from_name("resident").
#define VOCABULARY(dimension)                                                                                          \
    int dimension##_from_name(const char *name);                                                                       \
    const char *dimension##_name(int code);                                                                            \
    const char *dimension##_chinese(int code);                                                                         \
    const char *dimension##_names(void);
VOCABULARY(identity)
VOCABULARY(group)
VOCABULARY(level)
VOCABULARY(visit)
VOCABULARY(area)
VOCABULARY(filing)
VOCABULARY(payer)
VOCABULARY(employer)
VOCABULARY(sex)
VOCABULARY(point)
VOCABULARY(facility_kind)
VOCABULARY(fee_kind)
VOCABULARY(fee_class)
#undef VOCABULARY
