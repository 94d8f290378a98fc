"""Writes jinja-cases.json: small templates, and what Jinja 3.1.6 makes of them, set up as transformers sets it up.

    python3 jinja-cases.py > jinja-cases.json

A case is [template, expected]; expected is null where Jinja raises an error. With --render, renders a JSON list of templates from the
standard input with the same variables instead, and writes the list of results.
"""
import copy
import datetime
import json
import sys

import jinja2
import jinja2.ext
from jinja2.sandbox import ImmutableSandboxedEnvironment

NOW = datetime.datetime(2024, 7, 6, 15, 4, 5)

DATA = {
    "messages": [
        {"role": "system", "content": " Be brief. "},
        {"role": "user", "content": "Hi & <bye> 'x' \"y\""},
        {"role": "assistant", "content": None, "tool_calls": [
            {"type": "function", "id": "c1", "function": {"name": "f", "arguments": {"a": 1, "b": [True, None, 1.5], "c": {"d": "ü😀\n"}}}}]},
        {"role": "tool", "content": "42", "tool_call_id": "c1"},
    ],
    "tools": [
        {"type": "function", "function": {"name": "f", "description": "Does f.\nWell.", "parameters": {
            "type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": ["array", "null"], "items": {"type": "number"}}}, "required": ["a"]}}},
        {"type": "retrieval"},
    ],
    "none_value": None, "yes": True, "no": False, "zero": 0, "one": 1, "neg": -7, "big": 123456789012345678901234567890, "pi": 3.14159, "tiny": 1e-7, "huge": 1e22, "whole": 2.0,
    "empty": "", "text": "The quick  brown\tfox's\njumps", "emoji": "a😀b😀", "words": ["pear", "Apple", "fig", "apple", "Fig"], "numbers": [3, 1, 2, 1], "nested": [[1, 2], [3], []],
    "mapping": {"b": 2, "a": 1, "C": 3, "items": "i", "key with space": {"x": None}},
    "people": [{"name": "Zoe", "age": 30, "tags": ["x"]}, {"name": "adam", "age": 25, "tags": []}, {"name": "Bo", "age": 30}],
    "quotes": ["it's", 'say "x"', 'both \' "', "tab\t nl\n bs\\ \x00 \x7f é 😀 \u200b"],
    "add_generation_prompt": True, "bos_token": "<s>", "eos_token": "</s>",
}

CASES = r"""
plain text
{{ 1 }}{{ 'a' }}{{ "b" }}{{ none }}{{ true }}{{ False }}{{ 1.0 }}{{ 1e100 }}{{ 0x1F }}{{ 0b101 }}{{ 0o17 }}{{ 1_000 }}
{{ undefined_name }}|{{ mapping.zzz }}|{{ mapping['zzz'] }}
{{ undefined_name.x }}
{{ undefined_name['x'] }}
{{ undefined_name() }}
{{ undefined_name + 1 }}
{{ undefined_name ~ 1 }}
{{ undefined_name == undefined_other }} {{ undefined_name == none }} {{ undefined_name in [1] }} {{ 1 in undefined_name }}
{{ mapping.zzz.y }}
{{ none_value.x }}|{{ none_value['x'] }}
{{ none_value.x.y }}
{{ 1 + 2 * 3 - 4 / 2 }} {{ 7 // 2 }} {{ -7 // 2 }} {{ 7 % 3 }} {{ -7 % 3 }} {{ 7 % -3 }} {{ 2 ** 10 }} {{ 2 ** -1 }} {{ 7.5 // 2 }} {{ -7.5 % 2 }} {{ 2 ** 3 ** 2 }} {{ -2 ** 2 }}
{{ 1 / 0 }}
{{ 1 // 0 }}
{{ 1 % 0 }}
{{ 'a' + 'b' }} {{ 'a' ~ 1 ~ none ~ 1.5 ~ true ~ [1, 'x'] }} {{ 'ab' * 3 }} {{ [1] + [2, 3] }} {{ [0] * 3 }} {{ (1, 2) + (3,) }}
{{ 'a' + 1 }}
{{ 1 + 'a' }}
{{ [1] + (2,) }}
{{ true + 1 }} {{ true == 1 }} {{ 1 == 1.0 }} {{ '1' == 1 }} {{ [1, 2] == [1, 2] }} {{ {'a': 1} == {'a': 1.0} }} {{ (1,) == [1] }} {{ none == false }}
{{ 1 < 2 < 3 }} {{ 1 < 3 < 2 }} {{ 'a' < 'b' }} {{ [1, 2] < [1, 3] }} {{ 1 <= 1.0 }} {{ 'a' != 'b' }} {{ 3 > 2 > 1 }} {{ 2 >= 3 }}
{{ 1 < 'a' }}
{{ none < 1 }}
{{ 1 in [1, 2] }} {{ 3 not in [1, 2] }} {{ 'a' in 'cat' }} {{ 'b' in mapping }} {{ 2 in mapping }} {{ not 1 in [1] }} {{ 'x' in ('x', 'y') }}
{{ 1 in 'a' }}
{{ 1 in 5 }}
{{ yes and 'x' }} {{ no and 'x' }} {{ no or 'x' }} {{ 0 or '' or [] or none }} {{ not '' }} {{ yes and no or 'z' }} {{ not yes == no }}
{{ 'a' if yes else 'b' }} {{ 'a' if no else 'b' }} {{ 'a' if no }}| {{ 'a' if no else 'b' if no else 'c' }} {{ ('a' if no) is undefined }}
{{ words[0] }} {{ words[-1] }} {{ words[9] }}| {{ words[1:3] }} {{ words[:-1] }} {{ words[::-1] }} {{ words[::2] }} {{ words[-2:] }} {{ words[5:1] }} {{ words[3:0:-2] }} {{ 'hello'[1:3] }} {{ 'hello'[::-1] }} {{ emoji[1] }} {{ emoji[1:] }} {{ emoji[-1] }}
{{ words[::0] }}
{{ words['a':] }}
{{ (1, 2, 3)[1:] }} {{ range(10)[2:4] | list }}
{{ mapping[1:2] }}
{{ none_value[1:] }}
{{ undefined_name[:1] }}
{{ one[:1] }}
{{ words.0 }} {{ mapping.b }} {{ mapping['b'] }} {{ mapping["key with space"].x }} {{ mapping['items'] }} {{ numbers[true] }}
{{ [] }} {{ {} }} {{ () }} {{ (1,) }} {{ [1, 'a', none, true, 1.5] }} {{ {'a': 1, 'b': [1, {'c': none}]} }} {{ {1: 2, none: 3, true: 4} }}
{{ quotes }}
{{ {[1]: 2} }}
{{ pi }} {{ tiny }} {{ huge }} {{ whole }} {{ big }} {{ 0.1 + 0.2 }} {{ 1e16 }} {{ 123456789.123 }} {{ 1e15 }} {{ 1e-5 }} {{ 0.0001 }} {{ -0.0 }} {{ 5e-324 }} {{ 1.7976931348623157e308 }} {{ 100.0 }} {{ 1e5 }}
{{ 'a\nb\t\\ \x41 \u00e9 \U0001F600 \d \'' }} {{ "\"" }} {{ 'a' 'b' "c" }}
{{ 'é' | upper }} {{ 'straße' | upper }} {{ 'ÀB' | lower }} {{ 'hello world-foo (bar)' | title }} {{ "it's a dog's" | title }} {{ 'hELLO wORLD' | capitalize }} {{ '' | capitalize }}|
{{ "it's hELLO 3rd x-y" .title() }} {{ 'aBc'.upper() }} {{ 'aBc'.lower() }} {{ 'aBc'.swapcase() }} {{ 'hELLO'.capitalize() }}
{{ '  x ' | trim }}| {{ 'xxaxx' | trim('x') }} {{ '  x '.strip() }}| {{ ' x '.lstrip() }}| {{ ' x '.rstrip() }}| {{ 'abcab'.strip('ab') }} {{ 'abc'.lstrip('ab') }} {{ none | trim }} {{ 5 | trim }}
{{ 'a,b,,c'.split(',') }} {{ ' a  b '.split() }} {{ 'a b c'.split(' ', 1) }} {{ 'a  b c'.split(none, 1) }} {{ 'a b c'.rsplit(' ', 1) }} {{ 'a  b  c '.rsplit(none, 1) }} {{ ''.split() }} {{ ''.split(',') }} {{ 'a b'.split(sep=' ') }}
{{ 'a'.split('') }}
{{ 'a\nb\r\nc\n'.splitlines() }} {{ 'a\nb\n'.splitlines(true) }} {{ ''.splitlines() }}
{{ 'hello'.startswith('he') }} {{ 'hello'.endswith(('x', 'lo')) }} {{ 'hello'.startswith('') }} {{ 'hello'.find('l') }} {{ 'hello'.rfind('l') }} {{ 'hello'.find('z') }} {{ 'hello'.count('l') }} {{ 'hello'.index('e') }} {{ 'aaa'.count('aa') }} {{ 'abc'.count('') }} {{ 'hello'.find('l', 3) }}
{{ 'hello'.index('z') }}
{{ 'hello'.replace('l', 'L') }} {{ 'hello'.replace('l', 'L', 1) }} {{ 'ab'.replace('', '-') }} {{ 'ab'.replace('', '-', 1) }} {{ 'hello' | replace('l', 'L', 1) }} {{ 'a.b' | replace('.', '') }} {{ 11 | replace(1, 2) }}
{{ '-'.join(['a', 'b']) }} {{ ['a', 1, none] | join('-') }} {{ [] | join(',') }}| {{ 'abc' | join('.') }} {{ people | join(', ', attribute='name') }} {{ mapping | join(',') }}
{{ '-'.join([1]) }}
{{ 'abc'.center(7) }}| {{ 'abc'.ljust(5, '.') }} {{ 'abc'.rjust(5, '.') }} {{ '-42'.zfill(6) }} {{ 'ab'.center(5, '*') }} {{ 'abc' | center(8) }}|
{{ 'abc'.isalpha() }} {{ '12'.isdigit() }} {{ 'a1'.isalnum() }} {{ ' '.isspace() }} {{ 'AB'.isupper() }} {{ 'ab1'.islower() }} {{ ''.isdigit() }} {{ '1.5'.isnumeric() }}
{{ 'a=b=c'.partition('=') }} {{ 'a=b=c'.rpartition('=') }} {{ 'abc'.partition('=') }} {{ 'prefix-x'.removeprefix('prefix-') }} {{ 'x.py'.removesuffix('.py') }} {{ 'x'.removesuffix('') }}
{{ '{} and {}'.format('a', 1) }} {{ '{1}{0}'.format('a', 'b') }} {{ '{x}{{}}'.format(x=3) }}
{{ '%s is %d and %.2f, %5s|%-5s|%05d %x %%' % ('a', 42, 3.14159, 'r', 'l', 7, 255) }} {{ '%s' % 'x' }} {{ '%s' % [1] }} {{ '%(a)s' % {'a': 5} }} {{ '%s-%s' | format('a', 'b') }} {{ '%r' % 'q' }} {{ '%+d' % 5 }} {{ '%e' % 12345.678 }}
{{ '%s %s' % 'x' }}
{{ '%d' % 'x' }}
{{ 'x' % 1 }}
{{ words | length }} {{ emoji | length }} {{ mapping | length }} {{ undefined_name | length }} {{ '' | count }}
{{ 5 | length }}
{{ none | length }}
{{ words | first }} {{ words | last }} {{ [] | first }}| {{ [] | last }}| {{ 'abc' | first }} {{ 'abc' | last }} {{ mapping | first }} {{ mapping | last }}
{{ undefined_name | default('d') }} {{ none | default('d') }} {{ none | default('d', true) }} {{ '' | d('e', boolean=true) }} {{ undefined_name | default }}| {{ mapping.q | default(7) }} {{ yes | default('x') }}
{{ mapping.items() | list }} {{ mapping.keys() }} {{ mapping.values() }} {{ {'a': 1}.items() }} {{ mapping.get('b') }} {{ mapping.get('zz') }} {{ mapping.get('zz', 5) }} {{ mapping | items | list }} {{ undefined_name | items | list }} {{ mapping | list }}
{{ none | items | list }}
{{ mapping | dictsort }} {{ mapping | dictsort(true) }} {{ {'a': 2, 'b': 1} | dictsort(by='value') }} {{ {'a': 2, 'b': 1} | dictsort(reverse=true) }}
{{ words | sort }} {{ words | sort(case_sensitive=true) }} {{ numbers | sort(reverse=true) }} {{ people | sort(attribute='age') | map(attribute='name') | list }} {{ people | sort(attribute='age,name') | map(attribute='name') | join(' ') }} {{ 'hello' | sort }} {{ people | sort(attribute='age', reverse=true) | map(attribute='name') | list }}
{{ [1, 'a'] | sort }}
{{ words | unique | list }} {{ words | unique(case_sensitive=true) | list }} {{ people | unique(attribute='age') | map(attribute='name') | list }} {{ numbers | unique | list }} {{ [[1], [1], [2]] | map('string') | unique | list }}
{{ words | map('upper') | list }} {{ people | map(attribute='name') | list }} {{ people | map(attribute='tags', default='none') | list }} {{ people[:2] | map(attribute='tags.0') | list }} {{ ['a b', 'c'] | map('replace', ' ', '_') | list }} {{ nested | map('length') | list }} {{ [1, '2', 3.7] | map('int') | sum }}
{{ numbers | select('odd') | list }} {{ numbers | reject('equalto', 1) | list }} {{ [0, 1, '', 'a', none] | select | list }} {{ [0, 1] | reject | list }} {{ people | selectattr('tags') | map(attribute='name') | list }} {{ people | selectattr('age', 'eq', 30) | map(attribute='name') | list }} {{ people | rejectattr('tags', 'defined') | map(attribute='name') | list }} {{ messages | selectattr('role', 'in', ['user', 'tool']) | list | length }} {{ people | selectattr('age', '>', 26) | list | length }} {{ numbers | select('in', [1, 3]) | list }}
{{ 'yes' if (numbers | select('equalto', 99)) else 'no' }} {{ 'yes' if (numbers | select('equalto', 99) | list) else 'no' }}
{% set g = numbers | select('odd') %}{{ g | list }}{{ g | list }}
{{ numbers | map('string') | length }}
{{ numbers | map('nosuchfilter') | list }}
{{ numbers | sum }} {{ people | sum(attribute='age') }} {{ [] | sum }} {{ [1.5, 2] | sum(start=1) }} {{ numbers | max }} {{ numbers | min }} {{ words | max }} {{ people | max(attribute='age') }} {{ [] | min }}|
{{ numbers | reverse | list }} {{ 'abc' | reverse }} {{ emoji | reverse }} {{ [1, 2, 3, 4, 5] | batch(2) | list }} {{ [1, 2, 3] | batch(2, 'x') | list }} {{ [1, 2, 3, 4, 5] | slice(2) | list }} {{ [1, 2, 3] | slice(2, 'x') | list }}
{% for g in people | groupby('age') %}{{ g.grouper }}:{{ g.list | map(attribute='name') | join(',') }};{{ g[0] }} {% endfor %}
{{ 3.7 | int }} {{ '12' | int }} {{ 'x' | int }} {{ 'x' | int(5) }} {{ '3.9' | int }} {{ 'ff' | int(base=16) }} {{ '0x1f' | int(0, 16) }} {{ none | int }} {{ '1.5' | float }} {{ 'x' | float }} {{ 'x' | float(2.5) }} {{ 3 | float }} {{ ' 7 ' | int }} {{ true | int }} {{ -3.7 | int }} {{ '-5' | int }} {{ [] | int(9) }}
{{ undefined_name | int }}
{{ 2.675 | round(2) }} {{ 2.5 | round }} {{ 3.5 | round }} {{ 2.45 | round(1) }} {{ 1234.5 | round(-2) }} {{ 2.1 | round(method='ceil') }} {{ 2.19 | round(1, 'floor') }} {{ 7 | round }} {{ -2.5 | round }} {{ 42.55 | round(1) }}
{{ -3 | abs }} {{ (-3) | abs }} {{ -3.5 | abs }} {{ neg | abs }}
{{ 'x' | string }} {{ 1 | string }} {{ [1] | string }} {{ none | string }} {{ 1.0 | string }} {{ undefined_name | string }}|
{{ 'a\nb\n\nc' | indent }} {{ 'a\nb' | indent(2, true) }} {{ 'a\n\nb' | indent(2, blank=true) }} {{ 'a\nb\n' | indent(width='> ') }}| {{ '' | indent(2, true) }}|
{{ 'Hello & <b>' | e }} {{ "'\"" | escape }} {{ '<b>x</b>  y' | striptags }} {{ 'a b/c?d=é' | urlencode }} {{ 'foo bar baz qux' | truncate(9) }} {{ 'foo bar baz qux' | truncate(9, true) }} {{ 'foo bar' | truncate(5) }} {{ 'foo bar baz' | truncate(6, false, '…', 0) }} {{ 'one two, three' | wordcount }} {{ 'a😀b it\'s x_1 ½' | wordcount }} {{ quotes | wordcount }}
{{ messages | tojson }}
{{ tools | tojson(indent=2) }}
{{ mapping | tojson(sort_keys=true) }} {{ mapping | tojson(indent=4) }} {{ emoji | tojson(ensure_ascii=true) }} {{ [1, 2] | tojson(separators=(',', ':')) }} {{ {} | tojson(indent=2) }} {{ [] | tojson(indent=2) }} {{ [[], {}] | tojson(indent=1) }}
{{ quotes | tojson }} {{ (1, 2) | tojson }} {{ {1: 'a', none: 'b', true: 'c', 1.5: 'd'} | tojson }} {{ [pi, tiny, huge, whole, big, 1e16] | tojson }} {{ '/' | tojson }} {{ [none, true, false] | tojson }} {{ '<&>' | tojson }}
{{ undefined_name | tojson }}
{{ mapping.items() | tojson }}
{{ range(3) | tojson }}
{{ numbers | map('string') | tojson }}
{{ 'x' | nosuchfilter }}
{{ 'x' is nosuchtest }}
{{ 'x' | upper(1) }}
{{ 'x' | indent(nosuch=1) }}
{{ one is defined }} {{ undefined_name is defined }} {{ undefined_name is undefined }} {{ mapping.q is defined }} {{ none is none }} {{ one is not none }} {{ 'a' is string }} {{ 1 is string }} {{ mapping is mapping }} {{ words is mapping }}
{{ words is iterable }} {{ 'a' is iterable }} {{ 1 is iterable }} {{ mapping is iterable }} {{ undefined_name is iterable }} {{ words is sequence }} {{ 'a' is sequence }} {{ mapping is sequence }} {{ 1 is sequence }} {{ none is iterable }} {{ mapping.items() is sequence }} {{ range(3) is sequence }} {{ (words | map('upper')) is iterable }} {{ (words | map('upper')) is sequence }}
{{ true is boolean }} {{ 1 is boolean }} {{ true is number }} {{ 1 is number }} {{ 1.5 is number }} {{ '1' is number }} {{ 1 is integer }} {{ true is integer }} {{ 1.0 is integer }} {{ 1.0 is float }} {{ 1 is float }} {{ true is true }} {{ 1 is true }} {{ false is false }} {{ 0 is false }}
{{ 4 is even }} {{ 4 is odd }} {{ 9 is divisibleby 3 }} {{ 9 is divisibleby(2) }} {{ 1 is eq 1 }} {{ 1 is ne 2 }} {{ 1 is lt 2 }} {{ 3 is greaterthan 2 }} {{ 1 is in [1, 2] }} {{ 'b' is in mapping }} {{ 'ab' is lower }} {{ 'AB' is upper }} {{ 1 is sameas 1 }} {{ range is callable }} {{ 'upper' is filter }} {{ 'nosuch' is filter }} {{ 'odd' is test }} {{ 1 is equalto(1) }} {{ 5 is ge 5 }} {{ 1 is not in [2] }}
{{ not undefined_name is defined }} {{ undefined_name is not defined and yes }} {{ 'x' if one is defined else 'y' }} {{ one is defined and one == 1 }} {{ (one is number) == true }}
{% for x in numbers %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ x }}{{ loop.previtem }}{{ loop.nextitem }}{{ loop.cycle('a', 'b') }}{{ loop.changed(x) }}{{ loop.depth }};{% endfor %}
{% for x in [] %}a{% else %}none{% endfor %}{% for x in undefined_name %}a{% else %}undef{% endfor %}
{% for x in none_value %}a{% endfor %}
{% for x in 5 %}a{% endfor %}
{% for k, v in mapping.items() %}{{ k }}={{ v }},{% endfor %}{% for k in mapping %}{{ k }}{% endfor %}{% for c in emoji %}[{{ c }}]{% endfor %}
{% for a, b in [[1, 2], (3, 4)] %}{{ a + b }},{% endfor %}{% for (a, b), c in [[[1, 2], 3]] %}{{ a }}{{ b }}{{ c }}{% endfor %}{% for a, b in ['xy'] %}{{ a }}{{ b }}{% endfor %}
{% for a, b in [[1, 2, 3]] %}{{ a }}{% endfor %}
{% for x in numbers if x > 1 %}{{ x }}/{{ loop.length }}/{{ loop.index }};{% else %}none{% endfor %}{% for x in numbers if x > 9 %}{% else %}none{% endfor %}
{% for x in numbers %}{% if x == 2 %}{% break %}{% endif %}{% if x == 1 %}{% continue %}{% endif %}{{ x }}{% endfor %}
{% for x in [1, 2] %}{% for y in [3, 4] %}{{ loop.index }}{{ x }}{{ y }}{% if loop.first %}{% continue %}{% endif %}{% break %}{% endfor %}{{ loop.index }}{% endfor %}
{% break %}
{% set x = 1 %}{% for i in [1, 2] %}{% set x = x + 1 %}{{ x }}{% endfor %}{{ x }}
{% set ns = namespace(x=1, y='a') %}{% for i in [1, 2] %}{% set ns.x = ns.x + i %}{% endfor %}{{ ns.x }}{{ ns.y }}{{ ns.z }}|{{ ns['x'] }}
{% set ns = namespace({'a': 1}, b=2) %}{{ ns.a }}{{ ns.b }}
{% set one.x = 2 %}
{% set mapping.x = 2 %}
{% set a, b = 1, 2 %}{{ a }}{{ b }}{% set (c, d) = [3, 4] %}{{ c }}{{ d }}{% set t = 1, 2 %}{{ t }}
{% set x %}  block {{ one }} {% endset %}{{ x }}|{% set y | trim | upper %} ab {% endset %}{{ y }}|
{% if no %}a{% elif zero %}b{% elif one %}c{% else %}d{% endif %}{% if empty %}x{% else %}y{% endif %}{% if [] or {} or 0.0 %}x{% endif %}
{% if yes %}{% set v = 5 %}{% endif %}{{ v }}
{% macro m(a, b=2, c=a) %}[{{ a }}{{ b }}{{ c }}]{% endmacro %}{{ m(1) }}{{ m(1, 3) }}{{ m(1, c=9) }}{{ m(b=1, a=0) }}{{ m() }}{{ m(1) | length }}{{ m.name }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, 2) }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(z=2) }}
{% macro m(a) %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, 3, z=4) }}
{% macro f(n) %}{% if n > 0 %}{{ n }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(5) }}
{% macro outer() %}{{ g }}{% endmacro %}{% set g = 'late' %}{{ outer() }}
{% macro dialog(title) %}<{{ title }}>{{ caller() }}</{{ title }}>{% endmacro %}{% call dialog('t') %}body {{ one }}{% endcall %}
{% macro list(xs) %}{% for x in xs %}{{ caller(x, loop.index) }}{% endfor %}{% endmacro %}{% call(x, i) list([5, 6]) %}{{ i }}:{{ x }} {% endcall %}
{% macro m() %}{{ caller is defined }}{% endmacro %}{{ m() }}
{% macro m(x) %}{% set y = x %}{{ y }}{% endmacro %}{{ m(3) }}{{ y }}|
{% macro m(x) %}{% set x = x + 1 %}{{ x }}{% endmacro %}{{ m(*[1]) }}{{ m(**{'x': 5}) }}
{% filter upper %}ab {{ 'c' }}{% endfilter %}{% filter replace('a', 'b') | upper %}aa{% endfilter %}
{% with a = 1, b = 2 %}{{ a }}{{ b }}{% set c = 3 %}{% endwith %}{{ a }}{{ c }}|
{% generation %}gen {{ one }}{% set q = 1 %}{% endgeneration %}{{ q }}|
{% print 1, 2 %}{{ 1, 2 }}
{% raw %}{{ not }} {% this %}{% endraw %}|{%- raw -%}  x  {%- endraw -%} |
{# comment {{ x }} #}a{#- b -#} c
a {#- strip -#} b
{{ {'a': {'b': [1, {'c': 2}]}}['a']['b'][1].c }}{{ {'a': {}} }}{{ {'a': {'b': {}}}}}
{{ range(3) | list }} {{ range(1, 4) | list }} {{ range(5, 0, -2) | list }} {{ range(0) | list }} {{ range(3)[1] }} {{ range(3) | length }} {{ 2 in range(3) }}
{{ range(100001) | length }}
{{ range(1, 2, 0) }}
{{ dict(a=1, b=2) }} {{ dict({'a': 1}, b=2) }} {{ dict([('a', 1)]) }} {{ dict(a=1).a }} {{ dict(mapping, b=9) | tojson }}
{{ dict(1) }}
{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.next() }}{{ c.current }}{% set j = joiner(', ') %}{% for x in words %}{{ j() }}{{ x }}{% endfor %}
{{ raise_exception('Stop here: ' ~ one) }}
{{ strftime_now('%d %b %Y') }} {{ strftime_now('%Y-%m-%d %H:%M:%S') }} {{ strftime_now('%A %a %B %j %p %I %y %U %W %w %u %V %e %-d %-m %F %T %D %R %% %c %x %X %f %G %C %z|%Z') }}
{{ ''.__class__ }}|{{ [].__len__ }}|{{ ''['__class__'] }}|{{ mapping.__class__ }}
{{ ''.__class__.__mro__ }}
{{ ().__class__.__base__ }}
{{ (1).__class__.__bases__ }}
{{ [].append(1) }}
{% set _ = numbers.append(4) %}
{{ mapping.update({'x': 1}) }}
{{ mapping.pop('b') }}
{{ numbers.pop() }}
{{ numbers.index(2) }} {{ numbers.count(1) }} {{ (1, 2, 1).count(1) }} {{ numbers.copy() }} {{ mapping.copy() | length }}
{{ words | attr('count') is defined }} {{ mapping | attr('b') }}|
{{ 'abc'.nosuch }}|{{ [].nosuch }}|{{ (5).nosuch }}|
{{ 'abc'.nosuch() }}
{{ 'abc'() }}
{{ 'abc'['x'] }}|{{ 'abc'[10] }}|{{ words['x'] }}|{{ 5['x'] }}|
{% include 'x' %}
{% nosuchtag %}
{% if yes %}
{% endif %}
{% for x in %}{% endfor %}
{% for x words %}{% endfor %}
{{ 1 + }}
{{ (1 }}
{{ 1 ) }}
{{ [1, }}
{{ 'abc }}
{{ a b }}
{{ }}
{% %}
{{ 1
{# never closed
{% raw %} never closed
{% if yes %}{% else %}{% else %}{% endif %}
{% set 1 = 2 %}
{% set true = 2 %}
{% macro m(a=1, b) %}{% endmacro %}
{% macro m() %}
{{ x is }}
{{ x | }}
{{ x. }}
{{ x ! y }}
{{ ? }}
{{ "a" if }}
{{ f(a=1, 2) }}
{{ messages[-1]['role'] }}{{ messages[-1].content }}{{ messages | last }}
{{ messages | map(attribute='role') | join('/') }} {{ messages | selectattr('role', 'equalto', 'user') | map(attribute='content') | first }}
{% for message in messages %}{% if message.content is string %}S{% elif message.content is none %}N{% endif %}{% if 'tool_calls' in message %}T{% endif %}{% if message.tool_calls is defined %}D{% endif %}{% if message.tool_calls %}Y{% endif %}{% endfor %}
{% for message in messages %}{% for call in message.tool_calls or [] %}{{ call.function.name }}({{ call.function.arguments | tojson }}){% for k, v in call.function.arguments | items %}{{ k }}={{ v if v is string else v | tojson }};{% endfor %}{% endfor %}{% endfor %}
{% set messages = messages[1:] %}{{ messages | length }}{% for m in messages %}{{ loop.index0 }}{% endfor %}
{% if messages[0]['role'] == 'system' %}{% set system_message = messages[0]['content'] | trim + '\n' %}{% set loop_messages = messages[1:] %}{% endif %}{{ system_message }}{{ loop_messages | length }}
{{ (messages | selectattr('role', 'equalto', 'user') | list)[-1].content }} {{ (messages | rejectattr('role', 'equalto', 'user') | list | length) % 2 == 1 }}
{%- set content = messages[0].content.strip('\n').lstrip() %}{{ content }}|{{ 'a</think>b'.split('</think>')[-1].lstrip('\n') }}|{{ 'a<think>b</think>c'.split('</think>')[0].rstrip('\n').split('<think>')[-1] }}
{{ messages[::-1] | map(attribute='role') | list }}{% for message in messages[::-1] %}{% set index = (messages | length - 1) - loop.index0 %}{{ index }}{% endfor %}
{{ messages[1]['content'] | replace("'", "\\'") | trim }} {{ '\\n' }} {{ "a" ~ ("b" if yes else "") ~ 'c' }}
{{ tools[0].function.parameters.properties.items() | list }} {{ tools[0].function | tojson(indent=4) }} {{ tools | selectattr('type', 'equalto', 'function') | map(attribute='function') | list | tojson }}
{{ tools[0]['function']['parameters']['properties']['b']['type'] | join(' | ') }} {{ tools[0].function.parameters.required[0] in tools[0].function.parameters.properties }} {{ tools[0].function.description.split('\n') | first }}
{% macro render(d, depth) %}{% for k, v in d.items() %}{{ '  ' * depth }}{{ k }}:{% if v is mapping %}{{ '\n' }}{{ render(v, depth + 1) }}{% else %} {{ v }}{{ '\n' }}{% endif %}{% endfor %}{% endmacro %}{{ render(tools[0], 0) }}
{{ 'a' == 'a' == true }} {{ 'a' in 'abc' == true }} {{ 1 if 0 else 2 if 0 else 3 }} {{ not not 1 }} {{ - 1 - -1 }} {{ +1 }} {{ (not 1) or 2 }} {{ 1 or 1 / 0 }} {{ 0 and 1 / 0 }}
{{ [1, [2, [3, [4]]]] | string }} {{ {'x': [{'y': (1,)}]} }} {{ ['é', '\u200b', '😀'] }}
{{ 'x' * 0 }}|{{ 'x' * -1 }}|{{ [1] * 0 }} {{ 2 * 'ab' }} {{ true * 3 }}
{{ none + 1 }}
{{ {} + {} }}
{{ -'a' }}
{{ '10' | int + 5 }} {{ -1 | abs }} {{ (-1) | abs + 1 }} {{ 2 * 3 | string }} {{ 'a' ~ 'b' | upper }} {{ ['a'] + ['b'] | map('upper') | list }}
{{ "line1\r\nline2" }}|{{ 'tab	raw' }}
{{ loop }}
{% for x in [1] %}{{ loop.nosuch }}|{% endfor %}
{{ namespace(a=1).a }} {{ namespace() is mapping }} {{ namespace(a=1) is defined }}
{% set ns = namespace(found=false) %}{% for m in messages %}{% if not ns.found and m.role == 'user' %}{% set ns.found = true %}first user {{ loop.index }}{% endif %}{% endfor %}
{%- set ns = namespace(out='') -%}{%- for w in words -%}{%- set ns.out = ns.out ~ w[0] -%}{%- endfor -%}{{ ns.out }}
{{ one.two.three }}
{{ words.two.three }}
{% if undefined_name %}a{% else %}b{% endif %}{% if undefined_name.x %}c{% endif %}
{% if mapping.x and mapping.x.y %}a{% else %}b{% endif %}{{ mapping.x == 'y' }}{{ mapping.x != 'y' }}
{{ none_value | map('upper') | list }}{{ none_value | select | list }}{{ 0 | reject('odd') | list }}{{ '' | selectattr('a') | list }}{{ undefined_name | rejectattr('a', 'eq', 1) | list }}{{ false | map(attribute='x') | list }}{{ none | map | list }}{{ none | selectattr | list }}
{{ 5 | map('upper') | list }}
{{ 5 | select | list }}
{{ none | sort }}
{{ none | join }}
{{ none | list }}
{{ none | batch(2) | list }}
{{ none | sum }}
{{ none | unique | list }}
{{ none | first }}
{{ none | reverse }}
{{ none | groupby('x') }}
{{ undefined_name | sort }}{{ undefined_name | join }}{{ undefined_name | list }}{{ undefined_name | batch(2) | list }}{{ undefined_name | sum }}{{ undefined_name | unique | list }}{{ undefined_name | first }}{{ undefined_name | upper }}|{{ undefined_name | trim }}|{{ undefined_name | groupby('x') }}
{{ undefined_name | reverse | list }}
{{ undefined_name | dictsort }}
{{ "a<b>"|safe + "<c>" }} {{ "<c>" + "a<b>"|safe }} {{ ("<x>"|safe) * 2 }} {{ 2 * ("<x>"|safe) }} {{ ("%s|%s"|safe) % ("<", "&") }} {{ ("<"|safe) ~ "<" }} {{ "<"|e ~ ">" }} {{ ("<"|e) + ">" }}
{{ "it's" + ("'"|safe) + '"' }} {{ ("<i>%(a)s</i>"|safe) % {'a': '<'} }} {{ ("%d"|safe) % 5 }} {{ '%s' % ('<'|safe) }}
{{ ("{}<{}"|safe).format("<", 1) }} {{ ("<"|safe).join(["<", ">", "a"|safe]) }} {{ (("a<b"|safe).replace("a", "<")) }} {{ ("<a>"|safe | upper) + "<" }} {{ (("a b<c"|safe).split(" ")[1]) + "<" }} {{ ("ab"|safe)[0] + "<" }} {{ ("ab"|safe)[1:] + "<" }} {{ (["<"|safe, "<"] | join(">")) }}
{{ ("<a>"|safe | trim) + "<" }} {{ ("<a>"|safe | title) + "<" }} {{ ("<a>"|safe | replace("a", "<")) + "<" }} {{ ("<a>\nb"|safe | indent(2)) + "<" }} {{ ("<a>"|safe | string) + "<" }} {{ ("<a>"|safe | default("x")) + "<" }} {{ ("<a>"|safe | lower) + "<" }} {{ ("<a>"|safe | capitalize) + "<" }} {{ ("<a>"|safe | reverse) + "<" }}
{{ ["<"|safe] }} {{ ("<"|safe) == "<" }} {{ ("<"|safe) in ["<"] }} {{ {"<": 1}["<"|safe] }} {{ ("<"|safe) is string }} {{ ("<"|safe) is escaped }} {{ "<" is escaped }} {{ ("<"|safe) | length }} {{ ("<"|safe) | tojson }} {{ ("ab"|safe) | list }} {{ (""|safe) or 'x' }} {{ ("<"|safe) | e }} {{ ("<"|safe) | forceescape }}
{{ 5|safe }} {{ none|safe }} {{ [1]|safe }} {{ (5|safe) + "<" }} {{ none|e }} {{ [1,'<']|e }}
{{ ("a"|safe) + 1 }}
{{ ("<%s>"|safe|format("<")) }} {{ "<%s>"|format("<"|safe) }}
{% macro m() %}<{% endmacro %}{{ m() + "<" }} {% set x %}<{% endset %}{{ x + "<" }} {% macro n(a) %}{{ a + "<" }}{% endmacro %}{{ n("<"|safe) }}
{{ {'a': '<', 'b': none, 'c': 1, 'd': undefined_name} | xmlattr }}|{{ {} | xmlattr }}|{{ {'a': '"'} | xmlattr(false) }}
{{ {'a b': 1} | xmlattr }}
{{ 2 ** 64 }} {{ 2 ** 100 }} {{ 9223372036854775807 + 1 }} {{ -9223372036854775807 - 2 }} {{ 9223372036854775807 * 9223372036854775807 }} {{ (-9223372036854775807 - 1) // -1 }} {{ (2 ** 70) // 3 }} {{ (2 ** 70) % 7 }} {{ -(2 ** 70) // 7 }} {{ -(2 ** 70) % 7 }} {{ (2 ** 70) - (2 ** 70) }} {{ 2 ** 64 - 2 ** 64 + 5 }} {{ 99999999999999999999 }} {{ -9223372036854775808 }} {{ 0xFFFFFFFFFFFFFFFFFF }}
{{ (2 ** 70) == (2.0 ** 70) }} {{ 9007199254740993 == 9007199254740992.0 }} {{ 9007199254740993 > 9007199254740992.0 }} {{ 2 ** 70 > 1 }} {{ 2 ** 70 > 1.5 }} {{ (2 ** 70) in [2 ** 70] }} {{ big + 1 }} {{ big * 1.0 }} {{ big / 2 }} {{ big | abs }} {{ (-big) | abs }} {{ big | string }} {{ big is number }} {{ big is integer }} {{ big is even }} {{ big is odd }} {{ big is divisibleby 10 }} {{ [big, 1, big - 1] | sort }} {{ [big, 1] | sum }} {{ [big, 1] | max }} {{ big | int }} {{ '123456789012345678901234567890' | int }} {{ 1e30 | int }} {{ '1e30' | int }} {{ big | float }} {{ big | round(-5) }} {{ -1500 | round(-3) }} {{ (-2500) | round(-3) }} {{ 12345 | round(-2) }} {{ {big: 1} }} {{ {big: 1}[big] }} {{ [1, big] | tojson }}
{{ 2.0 ** 5000 }}
{{ 10 ** 400 / 3 }}
{{ 10 ** 5000 }}
{{ (10 ** 400) | float }}
{{ (-8) ** 2 }} {{ 2 ** 0.5 }} {{ 0 ** 0 }} {{ (-1) ** 1000001 }} {{ 1 ** 99999999999 }} {{ 0 ** 5 }} {{ 4 ** -1 }} {{ 2.5 ** 2 }}
{{ 7 // 2.0 }} {{ 7 % 2.5 }} {{ -7 % 2.5 }} {{ 1e308 * 10 }} {{ -1e308 * 10 }} {{ true + true }} {{ true * 'ab' }} {{ 'ab' * true }} {{ [1] * true }} {{ false - 1 }} {{ true / 2 }} {{ true // true }} {{ -true }} {{ +true }}
{{ 'x' * 1.5 }}
{{ (1, 2) * 2 }} {{ 2 * [1] }} {{ 'ab' * -1 }}|{{ 'ab' * (2 ** 70 - 2 ** 70) }}|
{{ '{:>5}|{:<5}|{:^5}|{:*^7}|{:05d}|{:+d}|{: d}|{:,}|{:_}|{:x}|{:X}|{:#x}|{:b}|{:#b}|{:o}|{:#o}|{:c}'.format('a', 'b', 'c', 'd', 42, 5, 5, 1234567, 1234567, 255, 255, 255, 5, 5, 8, 8, 65) }}
{{ '{:.2f}|{:10.3f}|{:<10.1f}|{:+.1f}|{:e}|{:.3e}|{:E}|{:g}|{:g}|{:g}|{:.3g}|{:%}|{:.1%}|{:,.2f}|{:010.2f}|{:n}'.format(3.14159, 2.5, 2.25, 1.0, 12345.678, 0.00012345, 1e100, 1e10, 123456, 1234567, 0.00001234, 0.256, 0.256, 1234567.891, -3.14159, 5) }}
{{ '{:.3}|{:.3}|{:.10}|{:5}|{:<5}|{:.0f}|{:.0f}|{:.0f}|{:#.0f}|{:.1f}|{:g}|{:G}|{:#g}'.format(123.456, 1234.5, 3.0, 1.5, 2.5, 0.5, 1.5, 2.5, 2.0, 0.25, 0.0001, 1e-5, 1.0) }}
{{ '{0}{1}{0}'.format('a', 'b') }} {{ '{a.role} {a[role]} {0[1]}'.format([1, 2], a=messages[0]) }} {{ '{!r} {!s} {!a}'.format('é', 'é', 'é') }} {{ '{!r:>6}'.format('a') }} {{ '{:{}}|{:{w}.{p}f}'.format('a', 5, 3.14159, w=8, p=2) }} {{ '{:>5}'.format(true) }} {{ '{}'.format(true) }} {{ '{}{}'.format(none, [1]) }} {{ '{{}}{}'.format(1) }} {{ '{:}'.format(1.0) }} {{ '{:5}|{:<5}|{:>5}'.format(1, 1, 'a') }} {{ '{:05}|{:<05}|{:05}'.format('a', 1, -1) }}
{{ '{:08,}|{:,}|{:_x}|{:012,.1f}|{:=+8}|{:*=8}|{:>+8}|{:^9,}|{:06}'.format(1234, -1234567, 65535, 1234.5, 42, -42, 42, 12345, 1.5) }}
{{ '{:.3s}|{:10.2s}|{:😀>3}'.format('abcdef', 'xyz', 'a') }} {{ '{:d}'.format(true) }} {{ '{:.2f}'.format(1) }} {{ '{:e}'.format(12345678901234567890) }} {{ '{:,}'.format(2 ** 70) }} {{ '{:x}'.format(2 ** 70) }} {{ '{:o}'.format(2 ** 70) }} {{ '{:b}'.format(-5) }} {{ '{:x}'.format(0) }}
{{ '{:.2f} {:f} {:G}|{:>6}|{:F}'.format((empty ~ 'inf') | float, (empty ~ '-inf') | float, (empty ~ 'nan') | float, (empty ~ 'inf') | float, (empty ~ 'inf') | float) }} {{ '{:.2f}'.format(-0.0) }} {{ '{:.1f}'.format(0.05) }} {{ '{:.1f}'.format(0.25) }} {{ '{:.2f}'.format(2.675) }} {{ '{:.20f}'.format(0.1) }} {{ '{:.3f}'.format(1e22) }} {{ '{:.0e}'.format(15000.0) }} {{ '{:.0e}'.format(25000.0) }} {{ '{:g}'.format(99999.95) }} {{ '{:g}'.format(999999.5) }} {{ '{:g}'.format(0) }} {{ '{:g}'.format(0.0) }} {{ '{:e}'.format(0.0) }}
{{ '{:d}'.format('a') }}
{{ '{:d}'.format(1.5) }}
{{ '{:5}'.format(none) }}
{{ '{:5}'.format([1]) }}
{{ '{:.2d}'.format(5) }}
{{ '{:s}'.format(5) }}
{{ '{:q}'.format(5) }}
{{ '{:+}'.format('a') }}
{{ '{:=5}'.format('a') }}
{{ '{:,}'.format('a') }}
{{ '{} {0}'.format(1) }}
{{ '{0} {}'.format(1) }}
{{ '{'.format(1) }}
{{ '}'.format(1) }}
{{ '{!x}'.format(1) }}
{{ '{!}'.format(1) }}
{{ '{x}'.format(1) }}
{{ '{5}'.format(1) }}
{{ '{0.a.b}'.format({}) }}
{{ '{a}'.format_map({'a': 5}) }} {{ '{0.__class__}'.format('a') }}|
{{ '%5.1f|%-8s|%08.3f|%+.2e|%g|%G|%x|%X|%o|%#x|%#o|%c|%c|%i|%5d|%-5d|%05d|% d|%r|%a' % (3.14159, 'ab', 3.14159, 12345.678, 0.0001, 1e-10, 255, 255, 8, 255, 8, 'a', 66, 3, 42, 42, -42, 5, 'é', 'é') }}
{{ '%*d|%-*d|%.*f' % (5, 42, 5, 42, 2, 3.14159) }} {{ '%(a)s %(b)05.1f' % {'a': 1, 'b': 2.25} }} {{ '%s %s' % (1, [1, 2]) }} {{ '%.3d' % 5 }} {{ '%.2s' % 'abc' }} {{ '%5s|%-5s|%05s' % ('é', 'b', 'c') }} {{ '%d' % 3.99 }} {{ '%d' % true }} {{ '%s' % none }} {{ '%s' % undefined_name }}| {{ '%%' % () }} {{ '%d' % (2 ** 70) }} {{ '%x' % (2 ** 70) }} {{ '%e' % 0 }} {{ '%g' % 100000 }} {{ '%g' % 1000000 }} {{ '%f' % 1e309 }} {{ '%5.1f%%' % 12.345 }} {{ '%(x)d' % {'x': 1, 'y': 2} }} {{ 'abc' % {} }} {{ 'abc' % [] }}
{{ '%x' % 1.5 }}
{{ '%c' % 'ab' }}
{{ '%d' % none }}
{{ '%d %d' % (1,) }}
{{ '%d' % (1, 2) }}
{{ '%q' % 1 }}
{{ '%' % 1 }}
{{ '%(a' % {'a': 1} }}
{{ '%(a)s' % 5 }}
{{ '%(z)s' % {'a': 1} }}
{{ 1 | filesizeformat }} {{ 0 | filesizeformat }} {{ 999 | filesizeformat }} {{ 1000 | filesizeformat }} {{ 1500000 | filesizeformat }} {{ 1024 | filesizeformat(true) }} {{ 1048576 | filesizeformat(binary=true) }} {{ 1e25 | filesizeformat }} {{ 1e30 | filesizeformat }} {{ '300' | filesizeformat }} {{ 1.5 | filesizeformat }} {{ 1234567890123 | filesizeformat }}
{{ 'x' | filesizeformat }}
{{ none | filesizeformat }}
{{ 'The quick brown fox jumps over the lazy dog' | wordwrap(15) }}|{{ 'The quick brown fox' | wordwrap(4) }}|{{ 'averyveryverylongword and more' | wordwrap(10) }}|{{ 'averyveryverylongword and more' | wordwrap(10, false) }}|{{ 'a b c d' | wordwrap(3, wrapstring='<br>') }}|{{ '' | wordwrap }}|{{ 'a\n\nb  c' | wordwrap(5) }}
{{ 'well-known state-of-the-art e-mail a-b x--y z -- end' | wordwrap(8) }}|{{ 'well-known state-of-the-art' | wordwrap(8, break_on_hyphens=false) }}|{{ '  leading   spaces  here ' | wordwrap(8) }}|{{ 'abcdefgh-ijklmnop-qrst' | wordwrap(6) }}|{{ 'one two  three' | wordwrap(3) }}|{{ 'aaaa bbbbbbbbbbbb' | wordwrap(5) }}|{{ 'x--y--z and (a-b) "c-d" well--known' | wordwrap(4) }}
{{ 'abc' | wordwrap(0) }}
{% for x in [1, [2, [3, 4]], 5] recursive %}{{ loop.depth }}{{ loop.depth0 }}{{ loop.index }}:{% if x is iterable %}({{ loop(x) }}){% else %}{{ x }}{% endif %} {% endfor %}
{% for x in tools recursive %}{% if x is mapping %}{{ loop(x.items() | list) }}{% elif x is string %}{{ x }}{% elif x is iterable %}[{{ loop(x) }}]{% else %}{{ x }}{% endif %},{% else %}empty{% endfor %}
{% for n in [{'n': 'a', 'c': [{'n': 'b', 'c': []}]}] if n.n != 'z' recursive %}{{ n.n }}{{ loop.length }}{% if n.c %}<{{ loop(n.c) }}>{% endif %}{% endfor %}
{% for x in [1] %}{{ loop([2]) }}{% endfor %}
{% for x in [[1, 2], [3]] recursive %}{% set outer = loop %}{% if x is iterable %}{{ loop(x) }}{% else %}{{ x }}{{ loop.first }}{{ loop.last }}{{ outer.index }}{% endif %}{% endfor %}
{{ 'a\tb\tcd'.expandtabs() }}|{{ 'a\tb'.expandtabs(4) }}|{{ 'abc'.isascii() }}{{ 'é'.isascii() }} {{ 'a1_'.isidentifier() }} {{ '1a'.isidentifier() }} {{ 'a b'.isprintable() }} {{ 'a\n'.isprintable() }} {{ 'Ab Cd'.istitle() }} {{ 'ab'.istitle() }} {{ 'Straße'.casefold() }} {{ 'hello'.startswith('l', 2) }} {{ 'hello'.startswith('l', 2, 2) }} {{ 'hello'.endswith('l', 0, 4) }} {{ 'hello'.find('l', 0, 3) }} {{ 'hello'.find('l', -2) }} {{ 'hello'.count('l', 3) }} {{ 'hello'.rfind('l', 0, 3) }} {{ 'a'.find('', 5) }} {{ 'abc'.find('', 1) }} {{ 'abc'.rfind('') }} {{ 'abc'.rindex('c') }} {{ 'ab'.center(7, '😀') }} {{ 'x'.ljust(3, 'é') }}
{{ 'x'.ljust(3, 'ab') }}
{{ 'abc'.startswith(['a']) }}
{{ 'a,b'.split(',', maxsplit=0) }} {{ 'a,b,c'.rsplit(',', 1) }} {{ 'a b'.partition(' ') }} {{ 'aXbX'.rpartition('X') }} {{ 'a\x1cb\x85c\u2028d'.splitlines() }} {{ 'a\x0bb'.split() }} {{ '\u00a0a\u00a0'.strip() }}|{{ '\u200ba'.strip() }}|{{ 'aab'.replace('a', 'b', -1) }} {{ 'aab'.replace('a', 'b', 1) }} {{ 'x'.join('abc') }} {{ ','.join(mapping) }} {{ ','.join({}) }} {{ 'Abc'.swapcase() }} {{ 'abc'.zfill(2) }} {{ '+5'.zfill(4) }} {{ 'a'.zfill(3) }}
{{ 'ab' | tojson(indent=0) }} {{ [1, [2]] | tojson(indent=0) }} {{ [1] | tojson(indent='->') }} {{ [1] | tojson(indent=true) }} {{ {'b': 1, 'a': [1, 2]} | tojson(indent=2, sort_keys=true, separators=(',', ':')) }} {{ {'a': {'b': {}}} | tojson(indent=1) }} {{ '\x7f\u2028\ud83d' | length }} {{ 'é\x7f' | tojson(ensure_ascii=true) }} {{ {2: 1, 1: 2} | tojson(sort_keys=true) }} {{ [1.0, -0.0, 1e20, 1.5e-7] | tojson }} {{ 'a' | tojson | length }}
{{ {'a': 1, 2: 3} | tojson(sort_keys=true) }}
{{ {1.5: 'a', (1): 'b'} | tojson }} {{ 1e999 | tojson }} {{ -1e999 | tojson }}
{{ {(1, 2): 'b'} | tojson }}
{{ [1, undefined_name] | tojson }}
{{ namespace(a=1) | tojson }}
{{ none | int }} {{ '' | int }} {{ '  12  ' | int }} {{ '1_000' | int }} {{ '_1' | int }} {{ '1__0' | int }} {{ '+5' | int }} {{ '0b11' | int(0, 2) }} {{ '0b11' | int(0, 0) }} {{ '0o17' | int(base=8) }} {{ 'zz' | int(0, 36) }} {{ '12' | int(7, 99) }} {{ '010' | int(5, 0) }} {{ '1e3' | int }} {{ 'inf' | int }} {{ 'nan' | int(3) }} {{ '1.9' | int }} {{ '-1.9' | int }} {{ '.5' | int }} {{ '5.' | int }} {{ 'infinity' | float }} {{ '-inf' | float }} {{ 'nan' | float }} {{ '1_0.5' | float }} {{ '1e5' | float }} {{ '' | float }} {{ 'e5' | float }} {{ [] | float }} {{ '0x10' | float }} {{ ' 1.5 ' | float }} {{ '٣' | int }}
{{ 1e999 | int }}
{{ 2.5 | round(0, 'ceil') }} {{ -2.5 | round(0, 'floor') }} {{ 1.15 | round(1) }} {{ 1e300 | round(2) }} {{ 123.456 | round(-1) }} {{ 0.5 | round }} {{ 1.5 | round | int }} {{ true | round }} {{ 12 | round(1, 'floor') }} {{ 2.5 | round(precision=0, method='common') }}
{{ 5 | round(0, 'up') }}
{{ 'a' | round }}
{{ 'foo bar baz qux' | truncate(11) }} {{ 'foo bar baz qux' | truncate(11, True) }} {{ 'foo bar baz qux' | truncate(11, False, '..', 0) }} {{ 'foobarbazqux' | truncate(5, end='-', leeway=0) }} {{ 'foo' | truncate(length=0, end='', leeway=0) }}|
{{ 'a' | center(5) }}|{{ 'ab' | center }}|{{ 'a b\tc\nd' | wordcount }} {{ 'a-b' | title }} {{ "o'neil mc-donald a_b 3d" | title }} {{ 'HELLO' | title }} {{ 'hello (world) [x] {y} <z>' | title }}
{{ 'a&b=c/d e' | urlencode }} {{ {'a b': 'c/d', 'e': 1} | urlencode }} {{ [['a', 1], ('b', '&')] | urlencode }} {{ 5 | urlencode }} {{ "~-_.!*'()" | urlencode }}
{{ '<p>a</p> <!-- c --> b &amp; c' | striptags }} {{ 'a < b > c' | striptags }} {{ '<a\n b>x' | striptags }} {{ '<!-- <b> -->x' | striptags }} {{ '&lt;x&gt; &#39; &quot;&nbsp;|' | striptags }}
{{ [3, 1] | sort(reverse=true) }} {{ ['b', 'A'] | sort }} {{ [{'a': {'b': 2}}, {'a': {'b': 1}}] | sort(attribute='a.b') }} {{ [(1, 2), (0, 5)] | sort(attribute=1) }} {{ [(1, 2), (0, 5)] | map(attribute=1) | list }} {{ [[1, 2]] | map('first') | list }} {{ ['a', 'b'] | map('upper') | join }} {{ [1, 2, 3] | map('string') | map('center', 3) | join('|') }} {{ [{'a': 1}, {}] | map(attribute='a', default=0) | list }} {{ [[1, [2]]] | map(attribute='1.0') | list }} {{ [1, 2] | map('default', 5) | list }}
{{ [1] | map(nosuch='x') | list }}
{{ [1] | map('upper', nosuch=1) | list }}
{{ [1, 2, 3, 4] | select('divisibleby', 2) | list }} {{ [1, 'a'] | select('string') | list }} {{ [none, 1] | reject('none') | list }} {{ [1, 2] | select('gt', 1) | list }} {{ ['ab', 'b'] | select('in', 'abc') | list }} {{ [{'a': none}] | selectattr('a', 'none') | list }} {{ [{'a': {'b': 1}}] | selectattr('a.b', 'equalto', 1) | list }} {{ [{'a': 1}] | selectattr('b', 'undefined') | list }} {{ [[1, 0], [0, 1]] | selectattr(0) | list }} {{ [{'a': 1}, {'a': 0}] | rejectattr('a') | list }} {{ tools | selectattr('type', 'equalto', 'function') | list | length }} {{ messages | selectattr('tool_calls', 'defined') | map(attribute='role') | list }}
{{ [1] | selectattr | list }}
{{ [1] | select('nosuch') | list }}
{{ [1, 2, 3] | batch(2, fill_with='x') | list }} {{ [] | batch(2) | list }} {{ [1, 2, 3, 4, 5, 6, 7] | slice(3) | list }} {{ [1, 2] | slice(3, fill_with='x') | list }} {{ [] | slice(2) | list }} {{ 'abc' | batch(2) | list }} {{ 'abcd' | slice(2) | list }}
{{ people | groupby('age') | map('first') | list }} {{ people | groupby('age') | list | length }} {{ people | groupby('name', case_sensitive=true) | map(attribute='grouper') | list }} {{ people | groupby('name') | map(attribute='grouper') | list }} {{ people | groupby('zip', default='-') | map(attribute='grouper') | list }} {% for age, list in people | groupby('age') %}{{ age }}{{ list | length }}{% endfor %}
{{ [1, 1, 2] | unique | list }} {{ ['a', 'A', 'b'] | unique | list }}
{{ [1, 2, 3] | min }} {{ ['b', 'A'] | min }} {{ ['b', 'A'] | min(case_sensitive=true) }} {{ [{'a': 2}, {'a': 1}] | min(attribute='a') }} {{ 'hello' | max }} {{ mapping | max }}
{{ mapping | dictsort(by='value') }}
{{ {'b': 1, 'A': 2} | dictsort }} {{ {'b': 1, 'A': 2} | dictsort(case_sensitive=true) }} {{ {'b': 'x', 'A': 'Y'} | dictsort(false, 'value') }} {{ {'b': 1, 'A': 2} | dictsort(by='value', reverse=true) }}
{{ {} | dictsort(by='nosuch') }}
{{ 'a' is lower }} {{ 'A' is upper }} {{ '1' is lower }} {{ 5 is lower }} {{ none is none }} {{ [] is sequence }} {{ {} is sequence }} {{ 5 is sequence }} {{ range(2) is iterable }} {{ none is sequence }} {{ undefined_name is sequence }} {{ true is integer }} {{ 1.0 is number }} {{ 'a' is sameas 'a' }} {{ none is sameas none }} {{ [] is sameas [] }} {{ true is sameas 1 }} {{ 3 is divisibleby(3) }} {{ messages is iterable and messages is not string and messages is not mapping }} {{ 'x' is in 'xyz' }} {{ 1 is not in [1] }} {{ 'map' is filter }} {{ 'wordwrap' is filter }} {{ 'divisibleby' is test }} {{ namespace() is callable }} {{ messages[0].get is callable }} {{ loop is defined }} {{ cycler('a') is callable }}
{{ 'a' is divisibleby 2 }}
{{ 1 is lt 'a' }}
{{ 'abc'[::-1] }} {{ 'abc'[-1:] }} {{ 'abc'[5:] }}|{{ 'abc'[:-5] }}|{{ [1, 2, 3][::-2] }} {{ [1, 2, 3][-100:100] }} {{ 'a😀b'[1:2] }} {{ (1, 2, 3)[::2] }} {{ [1, 2, 3][none:2] }} {{ [1, 2, 3][true:] }} {{ range(10)[2:8:3] | list }} {{ range(10)[-1] }} {{ 'abc'[1:][0] }} {{ [[1, 2], [3]][0][1] }} {{ messages[1:][0].role }} {{ messages[:1][0]['role'] }} {{ [1,2,3][-2:][0] }}
{{ [1, 2][1.0] }}|
{{ mapping[none] }}|{{ mapping[1] }}|{{ {1: 'a'}[true] }} {{ {1: 'a'}[1.0] }} {{ {none: 'n'}[none] }} {{ {'a': 1}.get('a') }} {{ {'a': 1}.get('b', 'd') }}
{{ {'a': 1}.keys() | list }} {{ {'a': 1}.values() | list }} {{ {'a': 1}.items() | list }} {{ {'a': 1, 'b': 2} | list }} {{ {'a': 1} | length }} {{ 'a' in {'a': 1}.keys() }} {{ ('a', 1) in {'a': 1}.items() }} {{ {'a': 1}.keys() | first }} {{ {'a': 1} == {'a': 1} }} {{ {'a': 1, 'b': 2} == {'b': 2, 'a': 1} }} {{ {'a': 1}.copy() }}
{{ {'a': 1}.keys()[0] }}|
{{ {'a': 1, **{'b': 2}} }}
{{ [*[1], 2] }}
{{ (1,) + (2,) }} {{ () }} {{ (1, [2, {'a': (3,)}]) }} {{ [(1,)] }} {{ ((1)) }} {{ (1, ) }} {{ 1, }}
{% set a, (b, c) = 1, (2, 3) %}{{ a }}{{ b }}{{ c }}{% set x = y = 1 %}
{% set a, (b, c) = 1, (2, 3) %}{{ a }}{{ b }}{{ c }}{% for i, (j, k) in [(1, (2, 3))] %}{{ i }}{{ j }}{{ k }}{% endfor %}
{% set ns = namespace() %}{% set ns.a, ns.b = 1, 2 %}{{ ns.a }}{{ ns.b }}
{% set ns = namespace(a=1) %}{% set ns.a %}block{% endset %}{{ ns.a }}{% set ns.c = ns %}{{ ns.c.a }}
{% set x | replace('a', 'b') | upper %}aa{% endset %}{{ x }}
{% macro m(a, b='x', *c) %}{% endmacro %}
{% macro m(a, b=a ~ 'd') %}{{ a }}{{ b }}{{ caller is defined }}{% endmacro %}{{ m('q') }}{{ m(b=1, a=2) }}
{% macro m() %}{{ varargs | length }}{{ kwargs | length }}{{ kwargs.z }}{% endmacro %}{{ m(1, 2, z=3, y=4) }}{{ m(*[1, 2, 3]) }}{{ m(**{'z': 9}) }}
{% macro m(x) %}{{ x }}{{ caller() if caller }}{% endmacro %}{{ m(1) }}{% call m(2) %}c{% endcall %}{% call m(x=3) %}d{{ 1 }}{% endcall %}
{% macro m() %}{{ caller(1, b=2) }}{% endmacro %}{% call(a, b=5, c=7) m() %}{{ a }}{{ b }}{{ c }}{% endcall %}
{% macro m() %}{% endmacro %}{% call m() %}c{% endcall %}
{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}B{% endmacro %}{{ a() }}
{% macro a(x) %}{% if x %}{{ x[0] }}{{ a(x[1:]) }}{% endif %}{% endmacro %}{{ a('hello') }}
{% if true %}{% macro inner() %}I{% endmacro %}{% endif %}{{ inner() }}
{% for i in [1] %}{% macro inner2() %}I{{ i }}{% endmacro %}{{ inner2() }}{% endfor %}
{% for i in [1, 2] %}{% set outer = i %}{% for j in [outer] %}{{ j }}{% endfor %}{% endfor %}{{ outer is defined }}
{% for x in [1, 2, 3] %}{% if loop.previtem is defined %}{{ loop.previtem }}{% endif %}{{ x }}{% if loop.nextitem is defined %}{{ loop.nextitem }}{% endif %},{% endfor %}{% for x in [1, 1, 2] %}{{ loop.changed(x) }}{{ loop.cycle('a', 'b', 'c') }}{% endfor %}
{% for x in [1, 2] %}{% set l = loop %}{% for y in [3] %}{{ l.index }}{{ loop.index }}{% endfor %}{% endfor %}{% for x in [] %}{% else %}{{ loop is defined }}{% endfor %}
{% for x in [1, 2, 3] if x != 2 %}{{ loop.index }}{{ x }}{{ loop.last }}{% endfor %}{% for a, b in {'x': 1}.items() if b %}{{ a }}{% endfor %}{% for m in messages if m.role == 'user' %}{{ loop.length }}{% endfor %}
{% for x in range(3) %}{% if x == 1 %}{% continue %}{% endif %}{{ x }}{% endfor %}{% for x in range(5) %}{% if x == 2 %}{% break %}{% endif %}{{ x }}{% else %}no{% endfor %}{% for x in [1] %}{% with %}{% break %}{% endwith %}{% endfor %}
{% for x in 'ab' if loop %}{{ x }}{% endfor %}
{% with a = 1 %}{% with b = a %}{{ b }}{% endwith %}{% endwith %}{% with a = 1, b = a %}{{ b }}{% endwith %}|{% with %}{% set z = 1 %}{% endwith %}{{ z }}|
{% filter indent(2) %}a
b{% endfilter %}{% filter upper %}{% for x in [1] %}a{{ x }}{% endfor %}{% endfilter %}
{{ 1 if true }} {{ 1 if false }}| {{ (1 if false) or 'x' }} {{ 1 if false else 2 if true else 3 }} {{ [1 if true, 2] }} {{ 'a' if none is none else 'b' }} {{ (1 if false).x }}
{{ 1 < 2 == true }} {{ 1 == 1 == 1 }} {{ 1 in [1] in [[1]] }} {{ not 1 == 2 }} {{ not (1 == 2) and true }} {{ 'a' < 'b' < 'c' }} {{ 1 != 2 != 1 }} {{ 3 > 2 >= 2 }} {{ 'a' not in 'b' }} {{ not 'a' in 'b' }}
{{ -2 ** 2 }} {{ 2 ** -1 }} {{ -2 | abs }} {{ 1 - -1 }} {{ 1 + 2 ~ 3 }} {{ 1 ~ 2 * 3 }} {{ 'a' ~ 1 + 2 }} {{ 10 - 2 - 3 }} {{ 2 ** 2 ** 3 }} {{ 100 / 10 / 2 }} {{ 7 // 2 * 2 }} {{ 5 % 3 * 2 }} {{ 1 + 1 | string }} {{ not false or true }} {{ true and false or true }} {{ 1 if 1 else 0 + 5 }} {{ -1.5 | abs }} {{ +(-3) }} {{ --3 }} {{ not not true }}
{{ 'a' 'b' }} {{ "a\"b" }} {{ 'a\'b' }} {{ '\\' }} {{ '\x41\u0042\U00000043\101\0' | length }}
{{ 1.5e3 }} {{ 1E5 }} {{ 1e-3 }} {{ 1_000.5 }} {{ 0x1f }} {{ 0XFF }} {{ 0o17 }} {{ 0b11 }} {{ 00 }} {{ 1.0 }} {{ 1_0 }}
{{ 012 }}
{{ 1. }}
{{ .5 }}
{{ 1__0 }}
{{ 0x }}
{{ a.b.c if a is defined else 'n' }} {{ (a | default({})).b | default('z') }} {{ a is defined and a.b }} {{ messages[99] is defined }} {{ messages[99].x is defined }}
{{ messages[0].nosuch.deeper is defined }}
{{ undefined_name | default(none) is none }} {{ undefined_name or 'x' }} {{ undefined_name and 'x' }}| {{ not undefined_name }} {{ undefined_name is none }} {{ undefined_name == '' }} {{ undefined_name != none }} {{ [undefined_name] }} {{ undefined_name | length }} {{ undefined_name | string }}| {{ undefined_name | list }} {% if undefined_name %}a{% else %}b{% endif %} {% for x in undefined_name %}x{% endfor %} {{ 'a' in undefined_name }} {{ undefined_name in 'abc' }}
{{ undefined_name < 1 }}
{{ undefined_name[0] }}
{{ -undefined_name }}
{{ undefined_name | float }}
{{ undefined_name % 2 }}
{{ 'a' + undefined_name }}
{{ undefined_name.x is defined }}
{{ messages | map(attribute='content') | select('string') | join('|') }} {{ messages | map(attribute='nosuch') | list }} {{ messages | map(attribute='tool_calls.0.function.name') | list }}
{{ messages | map(attribute='tool_calls') | map('length') | list }}
{{ (messages | first).role }} {{ (messages | last).role }} {{ messages[-1:][0].role }} {{ messages | length - 1 }} {{ (messages | length) - 1 }} {{ messages | selectattr('role', 'equalto', 'tool') | map(attribute='content') | first }} {{ messages | rejectattr('role', 'in', ['user', 'tool']) | map(attribute='role') | join(',') }}
{{ range is defined }} {{ dict is defined }} {{ joiner is defined }} {{ loop is defined }} {{ namespace is defined }} {{ cycler is defined }} {{ caller is defined }}
{{ range(3) }} {{ range(1, 5, 2) }} {{ range(3) == range(3) }} {{ range(5, 0, -1) | join }} {{ 3 in range(5) }} {{ range(5) | last }} {{ range(5) | sum }} {{ range(0) | list }} {{ range(3)[::-1] | list }} {{ range(-3) | list }} {{ range(2, 2) | length }}
{{ range('a') }}
{{ range(1.5) }}
{{ range() }}
{{ dict() }} {{ dict(a=1)['a'] }} {{ dict([['a', 1], ('b', 2)]) }} {{ dict({'a': 1}, a=2) }} {{ dict(a=1) | items | list }} {{ dict(dict(a=1).items()) }}
{{ joiner()() }}|{% set j = joiner('-') %}{{ j() }}{{ j() }}{{ j() }} {% set c = cycler(1, 2, 3) %}{{ c.next() }}{{ c.current }}{{ c.next() }}{{ c.reset() }}{{ c.current }}
{{ cycler() }}
{{ (5).bit_length() }} {{ (1.5).is_integer() }} {{ (2.0).is_integer() }} {{ (5).real }} {{ (5).numerator }} {{ true.real }} {{ (1.5).real }} {{ (5).imag }}
{{ messages.0.role }} {{ messages.0['role'] }} {{ words.0.1 }} {{ nested.0.1 }} {{ people.0.tags.0 }}
{{ {'a b': 1}['a b'] }} {{ {'x': {'y': [1, 2]}}.x.y[1] }} {{ {'x': 1}.x + 1 }} {{ [{'a': 1}][0].a }} {{ {'if': 1}['if'] }} {{ {'for': 1}.for }}
{% set if = 1 %}
{% set x = 'a' if true else 'b' %}{{ x }}{% set y = [1, 2] | map('string') | list %}{{ y }}{% set z = {'a': 1}.a %}{{ z }}{% set t = (1, 2) %}{{ t[0] }}{% set s = 'a' ~ 'b' %}{{ s }}
{% if messages | selectattr('role', 'equalto', 'user') | list %}y{% endif %}{% if 'a' in 'abc' and 1 in [1] %}z{% endif %}{% if not messages %}n{% elif messages is string %}s{% else %}e{% endif %}
{{ 'a' if 'x' in messages[0] else 'b' }} {{ 'role' in messages[0] }} {{ 'content' in messages[0].keys() }} {{ messages[0].content is string }} {{ messages[0]['content'][1:3] }} {{ messages[2].content is none }} {{ messages[2].tool_calls[0].function.arguments.b[2] }} {{ messages[2].tool_calls[0]['function']['arguments'] | tojson }} {{ messages[2].tool_calls | length > 0 }}
{%- set ns = namespace(is_first=false, out='') -%}{%- for m in messages -%}{%- if m['role'] == 'user' -%}{%- set ns.is_first = true -%}{{ '<U>' + m['content'] }}{%- endif -%}{%- if m['role'] == 'assistant' and 'tool_calls' in m -%}{%- for t in m['tool_calls'] -%}{{ t['function']['name'] + '\n' + '```json' + '\n' + t['function']['arguments'] | tojson + '\n' + '```' }}{%- endfor -%}{%- endif -%}{%- endfor -%}
{%- macro to_xml(d, n=0) -%}{%- for k, v in d | dictsort -%}{{ '\n' ~ ' ' * n }}<{{ k }}>{%- if v is mapping -%}{{ to_xml(v, n + 1) }}{%- elif v is sequence and v is not string -%}{%- for i in v -%}<i>{{ i }}</i>{%- endfor -%}{%- else -%}{{ v | string | trim }}{%- endif -%}</{{ k }}>{%- endfor -%}{%- endmacro -%}{{ to_xml(tools[0]) }}
{% include ['a', 'b'] %}
{% import 'x' as y %}
{% from 'x' import y %}
{% extends 'x' %}
{% block a %}{% endblock b %}
{% do 1 %}
{% debug %}
{% if x %}{% endfor %}
{% endif %}
{% else %}
{{ x y }}
{{ [1, 2 }}
{{ {'a' 1} }}
{{ {1, 2} }}
{{ f(**a, *b) }}
{{ 1 if }}
{{ x is not }}
{{ x | f( }}
{% for %}{% endfor %}
{% for x.y in [] %}{% endfor %}
{% for x in [] recursive if x %}{% endfor %}
{% set x.y.z = 1 %}
{% set %}
{% macro %}{% endmacro %}
{% macro m(1) %}{% endmacro %}
{% call 1 %}{% endcall %}
{% call x %}{% endcall %}
{% filter %}{% endfilter %}
{% with a %}{% endwith %}
{% raw %}
{%
{{ '
{{ "a' }}
{{ 'a' ' }}
{{ 1 }
{{ @ }}
{{ $x }}
{{ a->b }}
{{ a && b }}
{{ !a }}
{{ a ? b : c }}
{{ a = 1 }}
{{ lambda x: x }}
{{ [x for x in y] }}
{{ 'é' }} {{ {'é': 1}.é }} {% set ñ = 1 %}{{ ñ }}
""".strip("\n")

MULTILINE = [
    "  {% if yes %}\n    x\n  {% endif %}\ny\n",
    "{% if yes %}\nx\n{% endif %}\n\ny\n\n",
    "  {%+ if yes %}\nx\n  {%+ endif %}\ny",
    "{% if yes +%}\nx\n{% endif +%}\ny",
    "a\n  {%- if yes %}  b  {%- endif %}\nc",
    "a\n\n\t {%- if yes -%} \n  b\n{%- endif -%}\n\n  c",
    "{{ 'x' }}\n{{ 'y' -}}\n   z {{- 'w' }}\n  {{ 'v' }}\n",
    "    {{ 1 }}\n  {% set a = 1 %}  {% set b = 2 %}\nz",
    "{%- for m in messages[:2] %}\n    {{- '<|' + m.role + '|>\\n' }}\n    {{- m['content'] | trim }}\n    {{- eos_token }}\n{% endfor %}\n{%- if add_generation_prompt -%}\n<|assistant|>\n{%- endif %}\n",
    "a\n  {# c #}\nb\n  {#- c #}\nd {# e -#}  \n f {#+ g #}\nh\n   {# multi\nline #}  x\n",
    "{% raw %}\n  {{ x }}\n  {% endraw %}\ny\n  {% raw -%}  a  {%- endraw %}\nz\n  {%+ raw %}q{% endraw +%}\nr",
    "a\r\nb\r{% if yes %}\r\n  c\r\n{% endif %}d\r\n",
    "x\n{% for i in [1, 2] %}\n  {{ i }}\n{% else %}\nno\n{% endfor %}\nend",
    "x{% set a = 1 %}\ny{% macro m() %}\n  in\n{% endmacro %}\n{{ m() }}z",
    "\n\n{% if yes %}\n\n{{ one }}\n\n{% endif %}\n\n",
    "{{ 'a\nb' }}\n{{ {\n  'k':\n  'v'\n} }}\n{%\n  set q =\n  [1,\n 2]\n%}\n{{ q\n}}",
    "a {%- if yes %} b {%- else %} c {%- endif %} d",
    "  {{ 1 }}  {% if yes %}  {{ 2 }}  {% endif %}  \n  {% if no %}{% endif %}x",
    "\t{% if yes %}\t\n\tx\t{% endif %}\t\n\t{% if yes %}y{% endif %}",
    "{% if yes %}a{% endif -%}\n\n  b{%- if yes %}\n c{% endif %}\u00a0{%- if yes %}d{% endif %}",
    "{{ 'a\\\nb' }}",
    "",
    "\n",
    "{",
    "{ {{ '{' }} } %} }} #} { % { {",
    "{{ '%}' }}{{ '}}' }}{% set x = '%}' %}{{ x }}",
    "{% for x in [1,2] -%}\n  {{ x }}\n{%- endfor %}\nz",
    "{% for x in [1,2] +%}\n  {{ x }}\n{% endfor +%}\nz",
    "a\n{%- if yes +%}\n b\n{%+ endif -%}\n c",
    "a  {{- 1 -}}  b  {{ 2 -}}\n\n c",
    "{#- a -#}\n  x\n{# b #}\n  y {# c +#}\n z",
    "  {#+ a #}\nx",
    "{% raw -%}\n {{ a }} {%- endraw -%}\n b",
    "{%- raw -%} {% if %} {{ }} {# #} {%- endraw %}\nb\n",
    "{%raw%}{{x}}{%endraw%}{%if yes%}y{%endif%}{%-if yes-%}z{%-endif-%}",
    "{% if yes %}\r\n  a\r\n{% endif %}\r\nb\rc",
    "{{ 'a\r\nb' }}|{% set x %}a\r\nb{% endset %}{{ x }}",
    "   {% set a = 1 %}   \n   {{ a }}   \n",
    "\n\n\n",
    "a\n\n",
    "{% if yes %}a{% endif %}\n",
    "{{ yes }}\n",
    "x {% if yes %}\n\n  y\n\n{% endif %}\n\nz",
    "\ufeffx",
    "{% macro m() -%}\n  a\n{%- endmacro %}\n[{{ m() }}]",
    "{% call(x) foo() %}{% endcall %}",
    "{% for m in messages %}\n{{ m.role }}\n\n{% endfor %}\n",
    "\t{% if yes %}\n\t\t{{ 1 }}\n\t{% endif %}",
    "{{ 1 }}{% if yes %}\n{% endif %}{{ 2 }}\n   {%- if yes %}\n3{% endif %}",
    "{{ '{{' }}{{ '}}' }}{{ '{%' }}{{ '#}' }}{{ \"%}\" }}",
    "{{ {'a': {'b': 1}}.a.b }}{{ {'a': {}} }}{{ {} }}",
    "{{\n1\n+\n2\n}}{%\nif\nyes\n%}a{%\nendif\n%}",
    "line {{ '\n' }}two\n{{ 'a\n\nb' | indent(2) }}\n{{ 'a\nb\n' | indent(2, true, true) }}|",
    "{{ 'tab\tx' }}{{ '\u00a0' | trim }}|{{ 'a\u00a0b' | wordcount }}",
    "a{#\n\n#}\nb{%- raw %}\n  c\n{% endraw +%}\nd",
    "{% set x = 1 -%}\n\n{% set y = 2 %}\n{{ x + y }}",
    "{%+ if yes %}a{% endif %}\n {%+ if yes -%} b {%+ endif %} c",
]


def environment():
    class Generation(jinja2.ext.Extension):
        tags = {"generation"}

        def parse(self, parser):
            line = next(parser.stream).lineno
            body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
            return jinja2.nodes.CallBlock(self.call_method("_mark"), [], [], body).set_lineno(line)

        def _mark(self, caller):
            return caller()

    env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols])

    def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)

    def raise_exception(message):
        raise jinja2.TemplateError(message)

    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = NOW.strftime
    return env


def render(env, template):
    try:
        return env.from_string(template).render(**copy.deepcopy(DATA))   # indent changes a list in place
    except Exception:
        return None


def main():
    env = environment()
    if sys.argv[1:] == ["--render"]:
        print(json.dumps([render(env, template) for template in json.load(sys.stdin)]))
        return
    cases = [[template, render(env, template)] for template in CASES.split("\n") + MULTILINE]
    print(json.dumps({"now": NOW.isoformat(), "data": DATA, "cases": cases}, indent=1, ensure_ascii=True))


main()
