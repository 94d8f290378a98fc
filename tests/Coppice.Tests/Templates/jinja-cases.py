"""Writes jinja-cases.json: small templates, and what Jinja 3.1.6 makes of them, set up as transformers sets it up.

    python3 jinja-cases.py > jinja-cases.json

A case is [template, expected]; expected is null where Jinja raises an error.
"""
import datetime
import json

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


def main():
    env = environment()
    cases = []
    for template in CASES.split("\n") + MULTILINE:
        try:
            expected = env.from_string(template).render(**DATA)
        except Exception:
            expected = None
        cases.append([template, expected])
    print(json.dumps({"now": NOW.isoformat(), "data": DATA, "cases": cases}, indent=1, ensure_ascii=True))


main()
